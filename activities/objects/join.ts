// mesh-join, skeleton-join: every segment as a whole from its pieces of all regions, a range of segments at a time.
import type { Json } from '../../domain/canonical.ts'
import { multiply, type Vec3 } from '../../domain/geometry.ts'
import type { Outcome, Refs } from '../../domain/contract/artifacts.ts'
import type { RangeTask } from '../../domain/contract/activities.ts'
import type { LevelParameters } from '../../kernels/mesh/levels.ts'
import type { ArtifactReader } from '../../storage/artifacts.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { decodeMesh } from '../../storage/formats/meshes/legacy.ts'
import { encodeManifest, multilodInfo } from '../../storage/formats/meshes/multilod.ts'
import { packIndex, type PackIndex } from '../../storage/formats/pack.ts'
import { isSample, rangeOfFile, shardingById } from '../../storage/formats/precomputed/by-id.ts'
import { shardOf, writeShard, type ShardEntry, type ShardingSpec } from '../../storage/formats/precomputed/sharding.ts'
import { decodeSkeleton, encodeSkeleton, skeletonInfo } from '../../storage/formats/skeleton.ts'
import type { Deps } from '../context.ts'
import { progress } from '../meter.ts'
import { madeBy } from '../gather.ts'
import { contents, ofRange, produce, type Put } from '../produce.ts'
import { configOf } from '../documents.ts'
import { joinSkeletons } from '../../kernels/skeleton/join.ts'
import { meshLevels } from '../../kernels/mesh/levels.ts'

/** Bytes, as regions hold them, of the segments of one shard: so many are in memory at once. */
const SHARD_BYTES = 2 ** 29
/** Segments that are joined, and regions that are read, at once. */
const WIDTH = 8

/** Where the pieces of the segments of one shard lie: for each region, by its place in their order, in the order of its pack. */
type Shard = Map<number, PackedPiece[]>

/**
 * Calls `join` for every segment of a range with its pieces, in the order of the regions, and writes what it returns into shards; a
 * segment for which it returns nothing has no object. Of the packs it holds what the range needs of their indexes, and the pieces of
 * one shard at a time.
 */
export async function joinSegments(
  deps: Pick<Deps, 'artifacts'>,
  regions: Refs,
  { range, of }: Pick<RangeTask, 'range' | 'of'>,
  coding: 'raw' | 'gzip',
  put: Put,
  join: (pieces: readonly Uint8Array[], id: bigint) => Promise<Omit<ShardEntry, 'id'> | undefined>,
  shardBytes = SHARD_BYTES,
): Promise<{ readonly sharding: ShardingSpec; readonly segments: number }> {
  const cells = Object.keys(regions).sort()
  const open = (region: number): Promise<ArtifactReader> => deps.artifacts.open(regions[cells[region]!]!)
  const eachIndex = (f: (index: PackIndex, region: number, bytes: number) => void): Promise<void[]> =>
    mapBounded(cells, WIDTH, async (_, region) => {
      const reader = await open(region)
      f(packIndex(await reader.get('pack.index')), region, reader.output('pack.data')!.bytes)
      progress(region, cells.length)
    })

  const sample = new Set<bigint>()
  let bytes = 0
  await eachIndex((index, _, size) => {
    bytes += size
    for (const id of index.keys.map(BigInt)) if (isSample(id, of)) sample.add(id)
  })
  const sharding = shardingById(sample.size * of, bytes, shardBytes, coding, of)

  const shards = new Map<string, Shard>()
  await eachIndex((index, region) => {
    for (const key of index.keys) {
      const id = BigInt(key)
      const file = shardOf(sharding, id)
      if (rangeOfFile(file, of) !== range) continue
      const shard = shards.get(file) ?? new Map<number, PackedPiece[]>()
      const own = shard.get(region) ?? []
      own.push({ id, ...index.find(key)! })
      shards.set(file, shard.set(region, own))
    }
  })

  let segments = 0
  let done = 0
  for (const shard of shards.values()) {
    const pieces = new Map<bigint, [region: number, bytes: Uint8Array][]>()
    await mapBounded([...shard], WIDTH, async ([region, wanted]) => {
      const read = await readPieces(await open(region), wanted)
      for (const [i, { id }] of wanted.entries()) pieces.set(id, [...(pieces.get(id) ?? []), [region, read[i]!]])
      progress(++done, done + 1)
    })
    const joined = await mapBounded([...pieces], WIDTH, async ([id, found]): Promise<ShardEntry[]> => {
      const made = await join(
        found.sort((a, b) => a[0] - b[0]).map(([, piece]) => piece),
        id,
      )
      progress(++done, done + 1)
      return made ? [{ id, ...made }] : []
    })
    segments += joined.flat().length
    for (const [file, bytes] of writeShard(sharding, joined.flat())) await put(file, bytes)
  }
  return { sharding, segments }
}

interface PackedPiece {
  readonly id: bigint
  readonly offset: number
  readonly length: number
}

/** Bytes between two pieces that are read along rather than asked for apart. */
const GAP = 2 ** 16

/** Some pieces of a pack: most of them from the whole, which is verified; few by ranges. */
async function readPieces(reader: ArtifactReader, wanted: readonly PackedPiece[]): Promise<Uint8Array[]> {
  const bytes = wanted.reduce((n, p) => n + p.length, 0)
  if (2 * bytes >= reader.output('pack.data')!.bytes) {
    const data = await reader.get('pack.data')
    return wanted.map(p => data.slice(p.offset, p.offset + p.length))
  }
  const out: Uint8Array[] = []
  for (let i = 0, j = 0; i < wanted.length; i = j) {
    const { offset } = wanted[i]!
    let end = offset
    for (; j < wanted.length && (j === i || wanted[j]!.offset - end <= GAP); j++)
      end = wanted[j]!.offset + wanted[j]!.length
    const run = await reader.getRange('pack.data', offset, end - offset)
    for (const p of wanted.slice(i, j)) out.push(run.slice(p.offset - offset, p.offset - offset + p.length))
  }
  return out
}

/** How much larger a detail must be on the screen than the error of a level for the next finer one to be drawn. */
const DETAIL = 5

/** From the dataset's origin to that of its source in nm, as it enters recipes: nothing where they are the same. */
const shiftOf = ({ context: { offset, voxelSizeNm } }: RangeTask): { shiftNm?: Vec3 } =>
  offset ? { shiftNm: multiply(offset, voxelSizeNm) } : {}

/** Multi-resolution meshes. */
export async function meshJoin(deps: Deps, task: RangeTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const regions = await madeBy(deps, task, 'mesh')
  const shift = shiftOf(task)
  const order = ofRange('mesh-join', task, { ...config.stages['mesh-join'], ...shift }, contents('mesh', regions))
  return produce(deps, config, order, async put => ({
    voxels: 0,
    summary: await writeMeshes(deps, regions, task, config.stages['mesh-join'], put, shift.shiftNm),
  }))
}

/** Writes the shards of a range, and with the first the info file; returns the segments, and the triangles of all of them by level. */
export async function writeMeshes(
  deps: Pick<Deps, 'artifacts' | 'compute'>,
  regions: Refs,
  range: Pick<RangeTask, 'range' | 'of'>,
  params: LevelParameters,
  put: Put,
  shiftNm?: Vec3,
): Promise<{ readonly [name: string]: Json }> {
  const { cellNm, errorNm } = params
  // Steps of a vertex well below the error of the levels.
  const bits = cellNm / 2 ** 10 > errorNm / 4 ? 16 : 10
  const triangles: number[] = []
  const { sharding, segments } = await joinSegments(deps, regions, range, 'raw', put, async pieces => {
    const { origin, levels, data } = await deps.compute(meshLevels, [pieces.map(decodeMesh), params, bits])
    if (levels.length === 0) return undefined
    for (const [l, level] of levels.entries()) triangles[l] = (triangles[l] ?? 0) + level.triangles
    const manifest = encodeManifest({
      chunkShape: [cellNm, cellNm, cellNm],
      gridOrigin: origin,
      lods: levels.map(({ nodes, sizes }, l) => ({
        scale: DETAIL * errorNm * 2 ** l,
        offset: [0, 0, 0],
        nodes,
        sizes,
      })),
    })
    return { before: data, bytes: manifest }
  })
  if (range.range === 0) await put('info', Buffer.from(JSON.stringify(multilodInfo(bits, sharding, shiftNm))))
  return { segments, triangles }
}

export async function skeletonJoin(deps: Deps, task: RangeTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const regions = await madeBy(deps, task, 'skeleton')
  const shift = shiftOf(task)
  const order = ofRange(
    'skeleton-join',
    task,
    { ...config.stages['skeleton-join'], ...shift },
    contents('skeleton', regions),
  )
  return produce(deps, config, order, async put => {
    const { sharding, segments } = await joinSegments(deps, regions, task, 'gzip', put, async pieces => {
      const parts = pieces.map(decodeSkeleton).map(({ positions, ...rest }) => ({ vertices: positions, ...rest }))
      const { vertices, ...rest } = await deps.compute(joinSkeletons, [parts])
      return { bytes: encodeSkeleton({ positions: vertices, ...rest }) }
    })
    if (task.range === 0) await put('info', Buffer.from(JSON.stringify(skeletonInfo(sharding, shift.shiftNm))))
    return { voxels: 0, summary: { skeletons: segments } }
  })
}
