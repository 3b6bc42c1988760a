// A small synthetic release in a temporary bucket: three neurites in textured EM, with meshes, skeletons and synapses.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cellBox, cellsIn, key, map3, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import { digestOf, type ArtifactRef, type Source } from '../../domain/lineage.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { Release } from '../../domain/release.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import { fileStore } from '../../storage/file-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { pack } from '../../storage/formats/pack.ts'
import { writeParquet } from '../../storage/formats/parquet.ts'
import { layoutObjects } from '../../storage/formats/layouts.ts'
import type { MipLayout } from '../../storage/formats/precomputed/shard-grid.ts'
import { CHUNK, encodeChunks } from '../../storage/formats/volume.ts'
import { putRaw } from '../../storage/raw.ts'
import { putRelease, moveChannel } from '../../storage/releases.ts'
import { BOUNDS, fill, fragment, grey, IDS, label, NM, REGION, skeleton, SYNAPSE } from './neurites.ts'
import { joinSegments, writeMeshes } from '../../activities/objects/join.ts'
import type { Compute } from '../../activities/context.ts'
import { synapseFiles } from '../../storage/formats/annotations/synapses.ts'
import { segmentTable } from '../../storage/formats/segment-properties.ts'
import { skeletonInfo } from '../../storage/formats/skeleton.ts'

const SHARD: Vec3 = [512, 512, 512]

async function artifact(
  store: ArtifactStore,
  stage: string,
  extent: Box | 'dataset',
  inputs: Record<string, Source>,
  outputs: Iterable<{ path: string; bytes: Uint8Array }>,
): Promise<ArtifactRef> {
  const given = {
    stage,
    version: 1,
    parameters: { threshold: 0.3 },
    model: null,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, s]) => [name, digestOf(s)])),
    extent,
    seed: 0,
  }
  const writer = store.write(given, inputs)
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
    { path: 'pack.data', bytes: data },
    { path: 'pack.index', bytes: index },
  ]
}

/** Neurite 0 makes three synapses onto neurite 1 and one onto neurite 2, which makes one onto neurite 1. */
const PAIRS = [0, 0, 0, 0, 2].map((pre, i) => [IDS[pre]!, IDS[[1, 1, 1, 2, 1][i]!]!] as const)
export const SYNAPSES = {
  id: PAIRS.map((_, i) => (1n << 60n) + BigInt(10 * i)),
  pre_segment: PAIRS.map(p => p[0]),
  post_segment: PAIRS.map(p => p[1]),
  x: [20, 40, 60, 80, 100],
  y: [50, 50, 50, 50, 50],
  z: [10, 20, 30, 40, 50],
  pre_x: [18, 38, 58, 78, 98],
  pre_y: [48, 48, 48, 48, 48],
  pre_z: [10, 20, 30, 40, 50],
  post_x: [22, 42, 62, 82, 102],
  post_y: [52, 52, 52, 52, 52],
  post_z: [10, 20, 30, 40, 50],
  size: [100, 200, 300, 400, 500],
  score: [0.5, 0.6, 0.7, 0.8, 0.9],
}
const EDGES = {
  pre: [IDS[0], IDS[0], IDS[2]],
  post: [IDS[1], IDS[2], IDS[1]],
  count: [3, 1, 1],
  score: [0.6, 0.8, 0.9],
  size: [600, 400, 500],
}
const VOXELS = [90_000, 70_000, 30_000]
export const PARTNERS = {
  n_pre: [4, 0, 1],
  n_post: [0, 4, 1],
  n_downstream: [2, 0, 1],
  n_upstream: [0, 2, 1],
  skeleton_nm: [800, 700, 600],
  x: [60, 60, 60],
  y: [50, 50, 50],
  z: [30, 30, 30],
}
const CONTACTS = { segment: [IDS[0], IDS[1]], neighbour: [IDS[1], IDS[0]], area_nm2: [6400, 6400] }

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
  const regions: Record<'em' | 'segmentation', Record<string, ArtifactRef>> = { em: {}, segmentation: {} }
  const em: Record<string, ArtifactRef>[] = [{}, {}]
  const segmentation: Record<string, ArtifactRef>[] = [{}, {}]
  const mesh: Record<string, ArtifactRef> = {}
  const stages: Record<string, ArtifactRef[]> = {}
  const keep = (ref: ArtifactRef): ArtifactRef => {
    ;(stages[ref.stage] ??= []).push(ref)
    return ref
  }
  const sharded = async (
    stage: string,
    data: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>,
    box: Box,
    mip: number,
    inputs: Record<string, Source>,
  ): Promise<ArtifactRef> => {
    const layout: MipLayout = {
      mip,
      bounds: mip === 0 ? BOUNDS : half,
      cell: REGION,
      chunk: CHUNK,
      shard: SHARD,
      encoding: data instanceof Uint8Array ? 'raw' : 'compressed_segmentation',
    }
    const objects = []
    for await (const o of layoutObjects(data, box, layout)) objects.push(o)
    return keep(await artifact(store, stage, box, inputs, objects))
  }
  for (const region of cellsIn(BOUNDS, REGION)) {
    const box = cellBox(region, REGION, BOUNDS)
    const k = key(region)
    const n = voxels(box)
    if (k !== HOLE) {
      const data = fill(new Uint8Array(n), box, 1, grey)
      const chunks = encodeChunks(data, box, { mip: 0, encoding: 'raw' })
      const made = (regions.em[k] = keep(await artifact(store, 'render', box, { 'tile/z0': tile }, chunks)))
      em[0]![k] = await sharded('pyramid', data, box, 0, { [`render/${k}`]: made })
    }
    const labels = fill(new BigUint64Array(n), box, 1, label)
    const chunks = encodeChunks(labels, box, { mip: 0, encoding: 'compressed_segmentation' })
    const inputs: Record<string, Source> = regions.em[k] ? { [`render/${k}`]: regions.em[k] } : {}
    const made = (regions.segmentation[k] = keep(await artifact(store, 'segment', box, inputs, chunks)))
    segmentation[0]![k] = await sharded('label-pyramid', labels, box, 0, { [`segment/${k}`]: made })
    const pieces = [0, 1, 2].flatMap(i => {
      const bytes = fragment(i, box)
      return bytes ? [{ key: String(IDS[i]), bytes }] : []
    })
    mesh[k] = keep(await artifact(store, 'mesh', box, { [`segment/${k}`]: made }, packOutputs(pieces)))
  }
  for (const node of cellsIn(half, REGION)) {
    const box = cellBox(node, REGION, half)
    const n = voxels(box)
    const k = key(node)
    const grey1 = fill(new Uint8Array(n), box, 2, grey)
    em[1]![k] = await sharded('pyramid', grey1, box, 1, { [`render/${k}`]: regions.em['0_0_0']! })
    const labels = fill(new BigUint64Array(n), box, 2, label)
    segmentation[1]![k] = await sharded('label-pyramid', labels, box, 1, {
      [`segment/${k}`]: regions.segmentation['0_0_0']!,
    })
  }
  const all = Object.fromEntries(Object.entries(regions.segmentation).map(([k, r]) => [`segment/${k}`, r]))
  const compute: Compute = async (kernel, args) => kernel(...args) as never
  const collect = async (work: (put: (path: string, bytes: Uint8Array) => Promise<void>) => Promise<unknown>) => {
    const outputs: { path: string; bytes: Uint8Array }[] = []
    await work(async (path, bytes) => void outputs.push({ path, bytes }))
    return outputs
  }
  const meshes = await collect(put =>
    writeMeshes(
      { artifacts: store, compute },
      { mesh },
      { range: 0, of: 1 },
      { cellNm: 300, ratio: 0.25, errorNm: 10 },
      put,
    ),
  )
  const joined = keep(await artifact(store, 'mesh-join', 'dataset', { 'mesh/0_0_0': mesh['0_0_0']! }, meshes))
  const pieces = keep(
    await artifact(
      store,
      'skeleton',
      'dataset',
      all,
      packOutputs(IDS.map((id, i) => ({ key: String(id), bytes: skeleton(i) }))),
    ),
  )
  const skeletonFiles = await collect(async put => {
    const one = async ([bytes]: readonly Uint8Array[]): Promise<{ bytes: Uint8Array }> => ({ bytes: bytes! })
    const { sharding } = await joinSegments(
      { artifacts: store, compute },
      'skeleton',
      { skeleton: { '0_0_0': pieces } },
      { range: 0, of: 1 },
      'gzip',
      put,
      one,
    )
    await put('info', Buffer.from(JSON.stringify(skeletonInfo(sharding))))
  })
  const skeletons = keep(await artifact(store, 'skeleton-join', 'dataset', { 'skeleton/all': pieces }, skeletonFiles))
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
  const sizes = { voxels: [...VOXELS], synapses_out: [1, 0, 0] }
  const line = { id: SYNAPSE.id, pre: prePoint, post: postPoint, score: 0.875, preSegment: pre, postSegment: post }
  const properties = segmentTable({ id: BigUint64Array.from(IDS), ...sizes })
  const graph = keep(
    await artifact(store, 'graph', 'dataset', all, [
      { path: 'segments.parquet', bytes: table({ segment: IDS, ...sizes, ...PARTNERS }) },
      ...['edges', 'edges-by-post'].map(name => ({ path: `${name}.parquet`, bytes: table(EDGES) })),
      ...['synapses', 'synapses-by-pre', 'synapses-by-post'].map(name => ({
        path: `${name}.parquet`,
        bytes: table(SYNAPSES),
      })),
      { path: 'contacts.parquet', bytes: table(CONTACTS) },
      { path: 'segment_properties/info', bytes: Buffer.from(JSON.stringify(properties)) },
      ...[...synapseFiles(BOUNDS, [NM, NM, NM], [line])].map(f => ({ ...f, path: `synapses/${f.path}` })),
    ]),
  )

  const volume = (kind: 'image' | 'segmentation', maps: Record<string, ArtifactRef>[]): Release['layers']['em'] => ({
    kind,
    dataType: kind === 'image' ? 'uint8' : 'uint64',
    channels: 1,
    encoding: kind === 'image' ? 'raw' : 'compressed_segmentation',
    chunk: CHUNK,
    shard: SHARD,
    regions: regions[kind === 'image' ? 'em' : 'segmentation'],
    mips: maps.map((artifacts, mip) => ({
      factor: [2 ** mip, 2 ** mip, 2 ** mip],
      cell: REGION,
      artifacts,
    })),
  })
  const release: Release = {
    dataset: 'blobs',
    release: 'r1',
    digest: sha256('blobs'),
    layerDigests: {},
    pages: {},
    parent: null,
    voxelSizeNm: [NM, NM, NM],
    bounds: BOUNDS,
    regionShape: REGION,
    layers: {
      em: volume('image', em),
      segmentation: volume('segmentation', segmentation),
      mesh: { artifacts: { all: joined } },
      skeleton: { artifacts: { all: skeletons } },
      synapses: { artifacts: { all: graph } },
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
  await putRelease(objects, release)
  await moveChannel(objects, 'blobs', 'published', undefined, {
    release: 'r1',
    earlier: [],
    by: 'test',
    reason: 'test',
  })
  return { folder, release, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** A layer `graph` of a release: an artifact of such tables. */
export async function artifactWith(
  objects: ObjectStore,
  tables: Readonly<Record<string, Parameters<typeof writeParquet>[0]>>,
): Promise<{ artifacts: Record<string, ArtifactRef> }> {
  const outputs = Object.entries(tables).map(([path, columns]) => ({ path, bytes: writeParquet(columns) }))
  const inputs = {
    tables: await putRaw(
      objects,
      Buffer.from(JSON.stringify(tables, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))),
    ),
  }
  return { artifacts: { all: await artifact(artifactStore(objects), 'graph', 'dataset', inputs, outputs) } }
}
