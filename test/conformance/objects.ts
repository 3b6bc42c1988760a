// Writes meshes, skeletons, annotations and tables into a folder, with what independent readers must find in them (objects.py).
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { synapseRows, type SynapseColumns } from '../../activities/objects/synapse-table.ts'
import { byPartner } from '../../kernels/graph.ts'
import { hilbertOrder } from '../../kernels/hilbert.ts'
import { decodeDraco, vertices } from '../../storage/formats/meshes/read-multilod.ts'
import { meshLevels } from '../../kernels/mesh/levels.ts'
import { fragmentAt, meshRegion } from '../../kernels/mesh.ts'
import type { Mesh } from '../../kernels/mesh/simplify.ts'
import { synapseFiles, type SynapseLine } from '../../storage/formats/annotations/synapses.ts'
import { meshInfo, meshManifest, meshManifestName } from '../storage/formats/decoders.ts'
import { encodeMesh } from '../../storage/formats/meshes/legacy.ts'
import { encodeManifest, multilodInfo, type MultilodManifest } from '../../storage/formats/meshes/multilod.ts'
import { columnsOf, writeParquet } from '../../storage/formats/parquet.ts'
import { shardingById } from '../../storage/formats/precomputed/by-id.ts'
import { writeShard, type ShardEntry } from '../../storage/formats/precomputed/sharding.ts'
import { encodeSkeleton, skeletonInfo, type Skeleton } from '../../storage/formats/skeleton.ts'
import { blobs, cut, randomNumbers } from '../kernels/objects/mesh-volumes.ts'
import type { Check } from './check.ts'

const NM = [8, 10, 35] as const
const CELL = 150
/** Small, so that there are several shards. */
const SHARD_BYTES = 4096

type Files = Map<string, Uint8Array>
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

/** Segments that have no voxels: readers want the info of a volume around meshes and skeletons. */
const volume = (parts: object): Buffer =>
  json({
    '@type': 'neuroglancer_multiscale_volume',
    type: 'segmentation',
    data_type: 'uint64',
    num_channels: 1,
    scales: [{ key: '0', size: [64, 64, 16], resolution: NM, chunk_sizes: [[64, 64, 16]], encoding: 'raw' }],
    ...parts,
  })

/** Six times the volume that triangles enclose, in nm^3. */
const sixfold = (p: ArrayLike<number>, triangles: ArrayLike<number>): number => {
  let sum = 0
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [3 * triangles[t]!, 3 * triangles[t + 1]!, 3 * triangles[t + 2]!]
    sum += p[a]! * (p[b + 1]! * p[c + 2]! - p[b + 2]! * p[c + 1]!)
    sum += p[a + 1]! * (p[b + 2]! * p[c]! - p[b]! * p[c + 2]!)
    sum += p[a + 2]! * (p[b]! * p[c + 1]! - p[b + 1]! * p[c]!)
  }
  return sum
}

async function meshes(files: Files): Promise<object> {
  const pieces = new Map<bigint, Mesh[]>()
  for (const region of cut(blobs([64, 56, 16], 11, 9), [[32], [28], []], NM)) {
    const made = await meshRegion({ ...region, params: { step: 1, ratio: 0.6, errorNm: 10 } })
    made.ids.forEach((id, i) => pieces.set(id, [...(pieces.get(id) ?? []), fragmentAt(made, i)]))
  }
  const expected: Record<string, { legacy: number; lods: { triangles: number; sixfold: number }[] }> = {}
  const entries: ShardEntry[] = []
  for (const [id, list] of pieces) {
    const { origin, levels, data } = await meshLevels(list, { cellNm: CELL, ratio: 0.3, errorNm: 10 }, 10)
    const manifest: MultilodManifest = {
      chunkShape: [CELL, CELL, CELL],
      gridOrigin: origin,
      lods: levels.map(({ nodes, sizes }, l) => ({ scale: 50 * 2 ** l, offset: [0, 0, 0], nodes, sizes })),
    }
    entries.push({ id, before: data, bytes: encodeManifest(manifest) })
    let at = 0
    const lods = []
    for (const [l, { sizes }] of levels.entries()) {
      const lod = { triangles: 0, sixfold: 0 }
      for (const [f, size] of sizes.entries()) {
        const mesh = await decodeDraco(data.subarray(at, (at += size)))
        lod.triangles += mesh.triangles.length / 3
        lod.sixfold += sixfold(vertices(manifest, l, f, mesh.positions, 10), mesh.triangles)
      }
      lods.push(lod)
    }
    const names = list.map((_, i) => `${id}:0:${i}`)
    names.forEach((name, i) => files.set(`legacy/mesh/${name}`, encodeMesh(list[i]!)))
    files.set(`legacy/mesh/${meshManifestName(id)}`, json(meshManifest(names)))
    expected[String(id)] = { legacy: list.reduce((n, m) => n + sixfold(m.positions, m.triangles), 0), lods }
  }
  const sharding = shardingById(
    entries.length,
    entries.reduce((n, e) => n + e.before!.length, 0),
    SHARD_BYTES,
    'raw',
  )
  files.set('objects/mesh/info', json(multilodInfo(10, sharding)))
  for (const [file, bytes] of writeShard(sharding, entries)) files.set(`objects/mesh/${file}`, bytes)
  files.set('legacy/info', volume({ mesh: 'mesh' }))
  files.set('legacy/mesh/info', json(meshInfo()))
  return expected
}

/** Ids of every size, up to the largest. */
const someIds = (n: number, random: () => number): bigint[] =>
  Array.from({ length: n }, (_, i) =>
    i === 0 ? 2n ** 64n - 1n : (BigInt(Math.floor(random() * 2 ** 32)) << 31n) + BigInt(i),
  )

function skeletons(files: Files, random: () => number): object {
  const expected: Record<string, object> = {}
  const entries = someIds(300, random).map((id, i): ShardEntry => {
    const n = 2 + (i % 7)
    const skeleton: Skeleton = {
      positions: Float32Array.from({ length: 3 * n }, () => Math.fround(random() * 1e5)),
      edges: Uint32Array.from({ length: 2 * (n - 1) }, (_, e) => (e + 1) >> 1),
      radii: Float32Array.from({ length: n }, () => Math.fround(random() * 300)),
    }
    expected[String(id)] = {
      positions: [...skeleton.positions],
      edges: [...skeleton.edges],
      radii: [...skeleton.radii],
    }
    return { id, bytes: encodeSkeleton(skeleton) }
  })
  const sharding = shardingById(
    entries.length,
    entries.reduce((n, e) => n + e.bytes.length, 0),
    SHARD_BYTES,
    'gzip',
  )
  files.set('objects/skeletons/info', json(skeletonInfo(sharding)))
  for (const [file, bytes] of writeShard(sharding, entries)) files.set(`objects/skeletons/${file}`, bytes)
  files.set('objects/info', volume({ mesh: 'mesh', skeletons: 'skeletons' }))
  return expected
}

function synapses(files: Files, random: () => number): object {
  const bounds = { min: [0, 0, 0], max: [4000, 3000, 1000] } as const
  const segments = someIds(40, random)
  const n = 100_000
  const column = (most: number): Float64Array<ArrayBuffer> =>
    Float64Array.from({ length: n }, () => random() * (most - 20) + 10)
  const ids = (): BigUint64Array<ArrayBuffer> =>
    BigUint64Array.from({ length: n }, () => segments[Math.floor(random() * 40)]!)
  const [x, y, z] = bounds.max.map(column) as [
    Float64Array<ArrayBuffer>,
    Float64Array<ArrayBuffer>,
    Float64Array<ArrayBuffer>,
  ]
  const order = hilbertOrder(x, y, z)
  const sorted = (c: Float64Array): Float64Array<ArrayBuffer> => Float64Array.from(order, i => c[i]!)
  const [sx, sy, sz] = [sorted(x), sorted(y), sorted(z)]
  const table: SynapseColumns = {
    id: BigUint64Array.from(order, (_, i) => BigInt(i + 1)),
    pre: ids(),
    post: ids(),
    x: sx,
    y: sy,
    z: sz,
    preX: sx.map(v => v - 3),
    preY: sy,
    preZ: sz,
    postX: sx.map(v => v + 3),
    postY: sy,
    postZ: sz,
    size: Uint32Array.from({ length: n }, () => Math.floor(random() * 2 ** 32)),
    score: Float32Array.from({ length: n }, () => random()),
  }
  files.set('tables/synapses.parquet', writeParquet(columnsOf(synapseRows(table))))
  for (const side of ['pre', 'post'] as const)
    files.set(`tables/synapses-by-${side}.parquet`, writeParquet(columnsOf(synapseRows(byPartner(table, side).rows))))
  const lines = Array.from({ length: 5000 }, (_, i): SynapseLine => ({
    id: i === 0 ? 2n ** 64n - 1n : 2n ** 60n + BigInt(i),
    pre: [table.preX[i]!, table.preY[i]!, table.preZ[i]!],
    post: [table.postX[i]!, table.postY[i]!, table.postZ[i]!],
    score: table.score[i]!,
    preSegment: table.pre[i]!,
    postSegment: table.post[i]!,
  }))
  for (const { path, bytes } of synapseFiles(bounds, NM, lines, 300)) files.set(`synapses/${path}`, bytes)
  const wanted = segments[0]!
  return {
    rows: n,
    segment: String(wanted),
    ofSegment: table.pre.reduce((m, s) => m + Number(s === wanted), 0),
    preSum: String(table.pre.reduce((a, b) => a + b)),
    sizeSum: table.size.reduce((a, b) => a + b, 0),
    lines: lines.map(s => [
      String(s.id),
      ...s.pre.map(Math.fround),
      ...s.post.map(Math.fround),
      Math.fround(s.score),
      String(s.preSegment),
      String(s.postSegment),
    ]),
  }
}

/** Writes the files; returns what is to be checked in them, each by `script` with `call` and, as JSON, `args`. */
export async function writeObjects(folder: string): Promise<Check[]> {
  const random = randomNumbers(7)
  const files: Files = new Map()
  const expected = {
    meshes: await meshes(files),
    skeletons: skeletons(files, random),
    synapses: synapses(files, random),
  }
  files.set('expected.json', json(expected))
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  const names = {
    meshes: 'cloud-volume: meshes, multi-resolution and legacy',
    skeletons: 'cloud-volume: skeletons',
    annotations: 'annotations by id, by segment and in space',
    tables: 'pyarrow and DuckDB: tables',
  }
  return Object.entries(names).map(([call, name]) => ({ name, script: 'objects.py', call, args: { folder } }))
}
