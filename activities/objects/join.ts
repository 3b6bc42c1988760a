// mesh-join, skeleton-join: every segment as a whole from its pieces of all regions, one shard of segments at a time.
import type { Json } from '../../domain/canonical.ts'
import { multiply, type Vec3 } from '../../domain/geometry.ts'
import type { Outcome, Refs } from '../../domain/contract.ts'
import type { DatasetTask } from '../../domain/index/tasks.ts'
import type { LevelParameters } from '../../kernels/mesh/levels.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { decodeMesh } from '../../storage/formats/meshes/legacy.ts'
import { encodeManifest, multilodInfo } from '../../storage/formats/meshes/multilod.ts'
import { packIndex } from '../../storage/formats/pack.ts'
import { shardingById } from '../../storage/formats/precomputed/by-id.ts'
import { shardOf, writeShard, type ShardEntry, type ShardingSpec } from '../../storage/formats/precomputed/sharding.ts'
import { decodeSkeleton, encodeSkeleton, skeletonInfo } from '../../storage/formats/skeleton.ts'
import type { Deps } from '../context.ts'
import { progress } from '../meter.ts'
import { refsBelow } from '../housekeeping/pages.ts'
import { contents, ofDataset, produce, type Put } from '../produce.ts'
import { configOf } from '../documents.ts'
import { joinSkeletons } from '../../kernels/skeleton/join.ts'
import { meshLevels } from '../../kernels/mesh/levels.ts'

/** Bytes, as regions hold them, of the segments of one shard: so many are in memory at once. */
const SHARD_BYTES = 2 ** 29
/** Segments that are joined at once. */
const WIDTH = 8

/**
 * Calls `join` for every segment with its pieces, in the order of the regions, and writes what it returns into shards; a
 * segment for which it returns nothing has no object. Every pack of a region is read, and verified, once per shard.
 */
export async function joinSegments(
  deps: Pick<Deps, 'artifacts'>,
  regions: Refs,
  coding: 'raw' | 'gzip',
  put: Put,
  join: (pieces: readonly Uint8Array[], id: bigint) => Promise<Omit<ShardEntry, 'id'> | undefined>,
  shardBytes = SHARD_BYTES,
): Promise<{ readonly sharding: ShardingSpec; readonly segments: number }> {
  const cells = Object.keys(regions).sort()
  const packs = await mapBounded(cells, WIDTH, async cell => {
    const reader = await deps.artifacts.open(regions[cell]!)
    return { reader, index: packIndex(await reader.get('pack.index')) }
  })
  const ids = [...new Set(packs.flatMap(p => p.index.keys))].map(BigInt).sort((a, b) => (a < b ? -1 : 1))
  const bytes = packs.reduce((n, { reader }) => n + reader.output('pack.data')!.bytes, 0)
  const sharding = shardingById(ids.length, bytes, shardBytes, coding)
  const shards = Map.groupBy(ids, id => shardOf(sharding, id))
  let done = 0
  let segments = 0
  for (const own of shards.values()) {
    const pieces = new Map(own.map((id): [string, Uint8Array[]] => [String(id), []]))
    for (const { reader, index } of packs) {
      const here = index.keys.filter(key => pieces.has(key))
      if (here.length === 0) continue
      const data = await reader.get('pack.data')
      for (const key of here) {
        const { offset, length } = index.find(key)!
        pieces.get(key)!.push(data.slice(offset, offset + length))
      }
    }
    const joined = await mapBounded(own, WIDTH, async (id): Promise<ShardEntry[]> => {
      const made = await join(pieces.get(String(id))!, id)
      progress(++done, ids.length)
      return made ? [{ id, ...made }] : []
    })
    segments += joined.flat().length
    for (const [file, shard] of writeShard(sharding, joined.flat())) await put(file, shard)
  }
  return { sharding, segments }
}

/** How much larger a detail must be on the screen than the error of a level for the next finer one to be drawn. */
const DETAIL = 5

/** From the dataset's origin to that of its source in nm, as it enters recipes: nothing where they are the same. */
const shiftOf = ({ context: { offset, voxelSizeNm } }: DatasetTask): { shiftNm?: Vec3 } =>
  offset ? { shiftNm: multiply(offset, voxelSizeNm) } : {}

/** Multi-resolution meshes. */
export async function meshJoin(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const regions = await refsBelow(deps, [task.roots['products']!], 'mesh')
  const shift = shiftOf(task)
  const order = ofDataset('mesh-join', { ...config.stages['mesh-join'], ...shift }, contents('mesh', regions))
  return produce(deps, config, order, async put => ({
    voxels: 0,
    summary: await writeMeshes(deps, regions, config.stages['mesh-join'], put, shift.shiftNm),
  }))
}

/** Writes the info file and the shards; returns the segments, and the triangles of all of them by level. */
export async function writeMeshes(
  deps: Pick<Deps, 'artifacts' | 'compute'>,
  regions: Refs,
  params: LevelParameters,
  put: Put,
  shiftNm?: Vec3,
): Promise<{ readonly [name: string]: Json }> {
  const { cellNm, errorNm } = params
  // Steps of a vertex well below the error of the levels.
  const bits = cellNm / 2 ** 10 > errorNm / 4 ? 16 : 10
  const triangles: number[] = []
  const { sharding, segments } = await joinSegments(deps, regions, 'raw', put, async pieces => {
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
  await put('info', Buffer.from(JSON.stringify(multilodInfo(bits, sharding, shiftNm))))
  return { segments, triangles }
}

export async function skeletonJoin(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const regions = await refsBelow(deps, [task.roots['products']!], 'skeleton')
  const shift = shiftOf(task)
  const order = ofDataset(
    'skeleton-join',
    { ...config.stages['skeleton-join'], ...shift },
    contents('skeleton', regions),
  )
  return produce(deps, config, order, async put => {
    const { sharding, segments } = await joinSegments(deps, regions, 'gzip', put, async pieces => {
      const parts = pieces.map(decodeSkeleton).map(({ positions, ...rest }) => ({ vertices: positions, ...rest }))
      const { vertices, ...rest } = await deps.compute(joinSkeletons, [parts])
      return { bytes: encodeSkeleton({ positions: vertices, ...rest }) }
    })
    await put('info', Buffer.from(JSON.stringify(skeletonInfo(sharding, shift.shiftNm))))
    return { voxels: 0, summary: { skeletons: segments } }
  })
}
