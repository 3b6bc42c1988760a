// mesh-join, skeleton-join: every segment as a whole from its pieces of all regions, a range of segments at a time; and the directories of these.
import type { Json } from '../../domain/canonical.ts'
import { multiply, type Vec3 } from '../../domain/geometry.ts'
import type { Outcome, Refs } from '../../domain/contract/artifacts.ts'
import type { RangeTask } from '../../domain/contract/activities.ts'
import type { LevelParameters } from '../../kernels/mesh/levels.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { decodeMesh } from '../../storage/formats/meshes/legacy.ts'
import { encodeManifest, multilodInfo } from '../../storage/formats/meshes/multilod.ts'
import { shardingById } from '../../storage/formats/precomputed/by-id.ts'
import { shardOf, writeShard, type ShardEntry, type ShardingSpec } from '../../storage/formats/precomputed/sharding.ts'
import { decodeSkeleton, encodeSkeleton, skeletonInfo } from '../../storage/formats/skeleton.ts'
import type { Deps } from '../context.ts'
import { progress } from '../meter.ts'
import { atFrontier } from '../gather.ts'
import { ofRange, produce, type Put } from '../produce.ts'
import { configOf } from '../documents.ts'
import { directoryOf, inputsOf, rowsOf } from './hashed-rows.ts'
import { piecesOf, readPieces, type PackStage } from './packed-pieces.ts'
import { wholeSkeleton } from '../../kernels/skeleton/smooth.ts'
import { meshLevels } from '../../kernels/mesh/levels.ts'

/** Bytes, as regions hold them, of the segments of one shard: so many are in memory at once. */
const SHARD_BYTES = 2 ** 29
/** Segments that are joined at once. */
const WIDTH = 8

/**
 * Calls `join` for every segment of a range with its pieces, in the order of the regions, and writes what it returns into shards; a
 * segment for which it returns nothing has no object. It holds where the pieces of the range lie, and the pieces of one shard at a time.
 */
export async function joinSegments(
  deps: Pick<Deps, 'artifacts' | 'compute'>,
  stage: PackStage,
  found: Readonly<Record<string, Refs>>,
  task: Pick<RangeTask, 'range' | 'of'>,
  coding: 'raw' | 'gzip',
  put: Put,
  join: (pieces: readonly Uint8Array[], id: bigint) => Promise<Omit<ShardEntry, 'id'> | undefined>,
  shardBytes = SHARD_BYTES,
): Promise<{ readonly sharding: ShardingSpec; readonly segments: number }> {
  const { rows: pieces, bytes } = await rowsOf(deps, `${stage}-directory`, found, piecesOf(stage), task)
  const sharding = shardingById(new Set(pieces.id).size, bytes, shardBytes, coding, task.of)
  const cells = Array.from(pieces.id, (_, row) => pieces.cell.subarray(3 * row, 3 * row + 3).join('_'))

  let segments = 0
  for (const rows of Map.groupBy(pieces.id.keys(), row => shardOf(sharding, pieces.id[row]!)).values()) {
    const read = await readPieces(deps.artifacts, stage, pieces, rows)
    const bySegment = Map.groupBy(rows, row => pieces.id[row]!)
    const joined = await mapBounded([...bySegment], WIDTH, async ([id, own], i): Promise<ShardEntry[]> => {
      own.sort((a, b) => (cells[a]! < cells[b]! ? -1 : 1))
      const made = await join(
        own.map(row => read.get(row)!),
        id,
      )
      progress(i, bySegment.size)
      return made ? [{ id, ...made }] : []
    })
    segments += joined.flat().length
    for (const [file, bytes] of writeShard(sharding, joined.flat())) await put(file, bytes)
  }
  return { sharding, segments }
}

/** How much larger a detail must be on the screen than the error of a level for the next finer one to be drawn. */
const DETAIL = 5

/** From the dataset's origin to that of its source in nm, as it enters recipes: nothing where they are the same. */
const shiftOf = ({ context: { offset, voxelSizeNm } }: RangeTask): { shiftNm?: Vec3 } =>
  offset ? { shiftNm: multiply(offset, voxelSizeNm) } : {}

/** Where the pieces of all segments lie. */
export const meshDirectory = directoryOf('mesh-directory', piecesOf('mesh'))
export const skeletonDirectory = directoryOf('skeleton-directory', piecesOf('skeleton'))

/** Multi-resolution meshes. */
export async function meshJoin(deps: Deps, task: RangeTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const found = await atFrontier(deps, task, 'mesh-directory')
  const shift = shiftOf(task)
  const order = ofRange('mesh-join', task, { ...config.stages['mesh-join'], ...shift }, inputsOf(found))
  return produce(deps, config, order, async put => ({
    voxels: 0,
    summary: await writeMeshes(deps, found, task, config.stages['mesh-join'], put, shift.shiftNm),
  }))
}

/** Writes the shards of a range, and with the first the info file; returns the segments, and the triangles of all of them by level. */
export async function writeMeshes(
  deps: Pick<Deps, 'artifacts' | 'compute'>,
  found: Readonly<Record<string, Refs>>,
  range: Pick<RangeTask, 'range' | 'of'>,
  params: LevelParameters,
  put: Put,
  shiftNm?: Vec3,
): Promise<{ readonly [name: string]: Json }> {
  const { cellNm, errorNm } = params
  // Steps of a vertex well below the error of the levels.
  const bits = cellNm / 2 ** 10 > errorNm / 4 ? 16 : 10
  const triangles: number[] = []
  const { sharding, segments } = await joinSegments(deps, 'mesh', found, range, 'raw', put, async pieces => {
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
  const found = await atFrontier(deps, task, 'skeleton-directory')
  const shift = shiftOf(task)
  const order = ofRange('skeleton-join', task, { ...config.stages['skeleton-join'], ...shift }, inputsOf(found))
  return produce(deps, config, order, async put => {
    const { sharding, segments } = await joinSegments(deps, 'skeleton', found, task, 'gzip', put, async pieces => {
      const parts = pieces.map(decodeSkeleton).map(({ positions, ...rest }) => ({ vertices: positions, ...rest }))
      const { vertices, ...rest } = await deps.compute(wholeSkeleton, [parts])
      return { bytes: encodeSkeleton({ positions: vertices, ...rest }) }
    })
    if (task.range === 0) await put('info', Buffer.from(JSON.stringify(skeletonInfo(sharding, shift.shiftNm))))
    return { voxels: 0, summary: { skeletons: segments } }
  })
}
