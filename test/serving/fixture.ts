// A small synthetic release in a temporary bucket: three neurites in textured EM, with meshes, skeletons and synapses.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cellBox, cellsIn, key, map3, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { Release } from '../../domain/release.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import { fileStore } from '../../storage/file-store.ts'
import { pack } from '../../storage/formats/pack.ts'
import { writeParquet } from '../../storage/formats/parquet.ts'
import { encodeChunks } from '../../storage/formats/volume.ts'
import { putRaw } from '../../storage/raw.ts'
import { putRelease, moveChannel } from '../../storage/releases.ts'
import { PACK_DATA, PACK_INDEX } from '../../serving/packs.ts'
import { SEGMENTS } from '../../serving/segments.ts'
import { SYNAPSES } from '../../serving/synapses.ts'

export const BOUNDS: Box = { min: [0, 0, 0], max: [160, 128, 96] }
export const REGION: Vec3 = [64, 64, 64]
export const NM = 8
/** Ids beyond 2^53, as real ones are. */
export const IDS = [(1n << 50n) + 7n, (2n << 50n) + (1n << 36n) + 3n, (3n << 50n) + 12345678n] as const
const RADIUS = [15, 12, 9] as const
export const SYNAPSE = { id: 5n, pre: IDS[0], post: IDS[1], prePoint: [70, 52, 48], postPoint: [78, 66, 48] } as const

/** Centre of neurite `i` where it passes `x`. */
const centre = (i: number, x: number): [number, number] => {
  const t = x / 160
  if (i === 0) return [40 + 10 * Math.sin(5 * t), 48 + 14 * Math.cos(4 * t)]
  if (i === 1) return [82 + 9 * Math.cos(6 * t), 44 + 12 * Math.sin(5 * t)]
  return [108 - 24 * t, 78 - 40 * t]
}

/** Of every x: centre y, z and radius of every neurite. */
const TUBES = Array.from({ length: BOUNDS.max[0] + 2 }, (_, x) =>
  RADIUS.map((r, i) => [...centre(i, x), r * (1 + 0.2 * Math.sin(x / 9 + i))] as [number, number, number]),
)

/** Distance from a neurite's axis less its radius: below 0 inside. */
const depth = (i: number, x: number, y: number, z: number): number => {
  const [cy, cz, r] = TUBES[x < 0 ? 0 : x]![i]!
  return Math.sqrt((y - cy) * (y - cy) + (z - cz) * (z - cz)) - r
}

/** Index of the neurite that holds a voxel, or -1. */
const neuriteAt = (x: number, y: number, z: number): number => {
  for (let i = 0; i < 3; i++) if (depth(i, x, y, z) < 0) return i
  return -1
}

const noise = (x: number, y: number, z: number): number => {
  let h = (x * 374761393 + y * 668265263 + z * 2147483647) | 0
  h = Math.imul(h ^ (h >>> 13), 1274126177)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
}

const grey = (x: number, y: number, z: number): number => {
  const nearest = Math.min(Math.abs(depth(0, x, y, z)), Math.abs(depth(1, x, y, z)), Math.abs(depth(2, x, y, z)))
  const inside = neuriteAt(x, y, z) >= 0
  const base = nearest < 1.6 ? 50 : inside ? 165 + 25 * Math.sin(x / 5) * Math.sin(y / 4) : 115
  return Math.max(0, Math.min(255, Math.round(base + 40 * (noise(x, y, z) - 0.5))))
}

function fill<A extends Uint8Array | BigUint64Array>(
  out: A,
  box: Box,
  step: number,
  f: (x: number, y: number, z: number) => A[number],
): A {
  let i = 0
  for (let z = box.min[2]; z < box.max[2]; z++)
    for (let y = box.min[1]; y < box.max[1]; y++)
      for (let x = box.min[0]; x < box.max[0]; x++) out[i++] = f(x * step, y * step, z * step)
  return out
}

export const label = (x: number, y: number, z: number): bigint => {
  const i = neuriteAt(x, y, z)
  return i < 0 ? 0n : IDS[i]!
}

/** Faces between neurite `i` and what is not, of voxels in `box`, as a legacy mesh fragment in nanometres. */
function fragment(i: number, box: Box): Uint8Array | null {
  const points: number[] = []
  const triangles: number[] = []
  for (let z = box.min[2]; z < box.max[2]; z++)
    for (let y = box.min[1]; y < box.max[1]; y++)
      for (let x = box.min[0]; x < box.max[0]; x++) {
        if (neuriteAt(x, y, z) !== i) continue
        for (let a = 0; a < 3; a++)
          for (const side of [-1, 1]) {
            const at = [x, y, z]
            at[a]! += side
            if (neuriteAt(at[0]!, at[1]!, at[2]!) === i) continue
            const [u, v] = [(a + 1) % 3, (a + 2) % 3] as [number, number]
            const first = points.length / 3
            for (const [du, dv] of [
              [0, 0],
              [1, 0],
              [1, 1],
              [0, 1],
            ] as const) {
              const p = [x, y, z]
              if (side > 0) p[a]!++
              p[u]! += du
              p[v]! += dv
              points.push(...p.map(n => n * NM))
            }
            const [b, d] = side > 0 ? [1, 3] : [3, 1]
            triangles.push(first, first + b, first + 2, first, first + 2, first + d)
          }
      }
  if (points.length === 0) return null
  const out = new Uint8Array(4 + 4 * points.length + 4 * triangles.length)
  new DataView(out.buffer).setUint32(0, points.length / 3, true)
  out.set(new Uint8Array(Float32Array.from(points).buffer), 4)
  out.set(new Uint8Array(Uint32Array.from(triangles).buffer), 4 + 4 * points.length)
  return out
}

/** Axis of neurite `i`, one node each 8 voxels, with radii. */
function skeleton(i: number): Uint8Array {
  const xs = Array.from({ length: 20 }, (_, n) => 8 * n + 4)
  const positions = Float32Array.from(xs.flatMap(x => [x * NM, ...centre(i, x).map(c => c * NM)]))
  const edges = Uint32Array.from(xs.slice(1).flatMap((_, n) => [n, n + 1]))
  const radii = Float32Array.from(xs, () => RADIUS[i]! * NM)
  const parts = [Uint32Array.of(xs.length, xs.length - 1), positions, edges, radii]
  return Buffer.concat(parts.map(p => new Uint8Array(p.buffer)))
}

async function artifact(
  store: ArtifactStore,
  stage: string,
  extent: Box | 'dataset',
  inputs: Record<string, string>,
  outputs: Iterable<{ path: string; bytes: Uint8Array }>,
): Promise<ArtifactRef> {
  const writer = store.write({
    stage,
    version: 1,
    parameters: { threshold: 0.3 },
    model: null,
    inputs,
    extent,
    seed: 0,
  })
  for (const { path, bytes } of outputs) await writer.put(path, bytes)
  const {
    stage: s,
    recipe,
    content,
  } = await writer.commit({
    codeRevision: 'test',
    runtime: { node: process.version, onnxruntime: null, provider: null, cpu: 'test' },
    workflowId: `region/blobs/r1/${stage}`,
    runId: 'run',
    attempt: 1,
    start: '2026-01-01T00:00:00Z',
    end: '2026-01-01T00:00:02Z',
    voxels: extent === 'dataset' ? 0 : voxels(extent),
    cost: 0.001,
    seconds: { kernel: 1.5, inference: 0, io: 0.25 },
    summary: { note: '<b>&' },
  })
  return { stage: s, recipe, content }
}

const packOutputs = (entries: readonly { key: string; bytes: Uint8Array }[]): { path: string; bytes: Uint8Array }[] => {
  const { data, index } = pack(entries)
  return [
    { path: PACK_DATA, bytes: data },
    { path: PACK_INDEX, bytes: index },
  ]
}

export interface Fixture {
  readonly folder: string
  readonly release: Release
  remove(): Promise<void>
}

/** Region whose EM the release does not have. */
export const HOLE = '2_1_1'

/** Writes the release `blobs/r1`, published. */
export async function makeFixture(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'hillock-serving-'))
  const objects = fileStore(folder)
  const store = artifactStore(objects)
  const tile = await putRaw(objects, Buffer.from('a tile'))
  const half: Box = { min: [0, 0, 0], max: map3(a => Math.ceil(BOUNDS.max[a] / 2)) }
  const em: Record<string, ArtifactRef>[] = [{}, {}]
  const segmentation: Record<string, ArtifactRef>[] = [{}, {}]
  const mesh: Record<string, ArtifactRef> = {}
  const stages: Record<string, ArtifactRef[]> = {}
  const keep = (ref: ArtifactRef): ArtifactRef => {
    ;(stages[ref.stage] ??= []).push(ref)
    return ref
  }
  for (const region of cellsIn(BOUNDS, REGION)) {
    const box = cellBox(region, REGION, BOUNDS)
    const k = key(region)
    const n = voxels(box)
    if (k !== HOLE) {
      const chunks = encodeChunks(fill(new Uint8Array(n), box, 1, grey), box, { mip: 0, encoding: 'raw' })
      em[0]![k] = keep(await artifact(store, 'render', box, { 'tile/z0': tile }, chunks))
    }
    const labels = fill(new BigUint64Array(n), box, 1, label)
    const chunks = encodeChunks(labels, box, { mip: 0, encoding: 'compressed_segmentation' })
    const inputs: Record<string, string> = em[0]![k] ? { [`render/${k}`]: em[0]![k].content } : {}
    segmentation[0]![k] = keep(await artifact(store, 'segment', box, inputs, chunks))
    const pieces = [0, 1, 2].flatMap(i => {
      const bytes = fragment(i, box)
      return bytes ? [{ key: String(IDS[i]), bytes }] : []
    })
    mesh[k] = keep(
      await artifact(store, 'mesh', box, { [`segment/${k}`]: segmentation[0]![k].content }, packOutputs(pieces)),
    )
  }
  for (const node of cellsIn(half, REGION)) {
    const box = cellBox(node, REGION, half)
    const n = voxels(box)
    const emChunks = encodeChunks(fill(new Uint8Array(n), box, 2, grey), box, { mip: 1, encoding: 'raw' })
    em[1]![key(node)] = keep(
      await artifact(store, 'pyramid', box, { [`render/${key(node)}`]: em[0]!['0_0_0']!.content }, emChunks),
    )
    const labels = fill(new BigUint64Array(n), box, 2, label)
    const labelChunks = encodeChunks(labels, box, { mip: 1, encoding: 'compressed_segmentation' })
    segmentation[1]![key(node)] = keep(
      await artifact(
        store,
        'pyramid',
        box,
        { [`segment/${key(node)}`]: segmentation[0]!['0_0_0']!.content },
        labelChunks,
      ),
    )
  }
  const all = Object.fromEntries(Object.entries(segmentation[0]!).map(([k, r]) => [`segment/${k}`, r.content]))
  const skeletons = keep(
    await artifact(
      store,
      'skeleton-join',
      'dataset',
      all,
      packOutputs(IDS.map((id, i) => ({ key: String(id), bytes: skeleton(i) }))),
    ),
  )
  const { pre, post, prePoint, postPoint } = SYNAPSE
  const table = (data: Record<string, readonly bigint[] | readonly number[]>): Uint8Array =>
    writeParquet(
      Object.entries(data).map(([name, values]) => ({
        name,
        data:
          typeof values[0] === 'bigint'
            ? BigUint64Array.from(values as bigint[])
            : Float64Array.from(values as number[]),
      })),
    )
  const points = Object.fromEntries(
    ['x', 'y', 'z'].flatMap((axis, a) => [
      [`pre_${axis}`, [prePoint[a]!]],
      [`post_${axis}`, [postPoint[a]!]],
    ]),
  ) as Record<string, number[]>
  const columns = { id: [SYNAPSE.id], pre_segment: [pre], post_segment: [post], ...points, size: [120], score: [0.875] }
  const synapses = keep(await artifact(store, 'synapse', 'dataset', all, [{ path: SYNAPSES, bytes: table(columns) }]))
  const properties = table({ segment: IDS, voxels: [90_000, 70_000, 30_000], synapses_out: [1, 0, 0] })
  const graph = keep(
    await artifact(store, 'graph', 'dataset', { 'synapse/all': synapses.content, ...all }, [
      { path: SEGMENTS, bytes: properties },
    ]),
  )

  const volume = (kind: 'image' | 'segmentation', maps: Record<string, ArtifactRef>[]): Release['layers']['em'] => ({
    kind,
    dataType: kind === 'image' ? 'uint8' : 'uint64',
    channels: 1,
    encoding: kind === 'image' ? 'raw' : 'compressed_segmentation',
    mips: maps.map((artifacts, mip) => ({ factor: [2 ** mip, 2 ** mip, 2 ** mip], cell: REGION, artifacts })),
  })
  const release: Release = {
    dataset: 'blobs',
    release: 'r1',
    digest: sha256('blobs'),
    layerDigests: {},
    parent: null,
    voxelSizeNm: [NM, NM, NM],
    bounds: BOUNDS,
    regionShape: REGION,
    layers: {
      em: volume('image', em),
      segmentation: volume('segmentation', segmentation),
      mesh: { artifacts: mesh },
      skeleton: { artifacts: { all: skeletons } },
      synapses: { artifacts: { all: synapses } },
      graph: { artifacts: { all: graph } },
    },
    stages,
    quality: { voiSplit: 0.25, voiMerge: 0.125, arand: 0.0625, segments: 3 },
    holes: [{ stage: 'render', what: `region ${HOLE}`, reason: 'left out by the test' }],
    cost: 0.02,
    run: { workflowId: 'reconstruct/blobs/r1', runId: 'run' },
    codeRevision: 'test',
    approver: 'gate',
  }
  await putRelease(objects, 'blobs', 'r1', JSON.stringify(release))
  await moveChannel(
    objects,
    'blobs',
    'published',
    undefined,
    JSON.stringify({ release: 'r1', previous: null, by: 'test', reason: 'test' }),
  )
  return { folder, release, remove: () => rm(folder, { recursive: true, force: true }) }
}
