// Synapses as Neuroglancer line annotations, from the presynaptic to the postsynaptic side: all files of the collection, sharded.
import type { Box, Vec3 } from '../../../domain/geometry.ts'
import { shardingById } from '../precomputed/by-id.ts'
import { mortonAxes, mortonCode } from '../precomputed/morton.ts'
import { writeShard, type ShardEntry } from '../precomputed/sharding.ts'
import { annotationsOf, collectionInfo, placed, RELATED, synapseSchema, type SynapseLine } from './collection.ts'
import { encodeList, encodeOne } from './records.ts'
import { spatialLevels } from './spatial.ts'

export type { SynapseLine } from './collection.ts'

const SHARD_BYTES = 2 ** 26
/** Annotations that a cell of the spatial index is to show at one level. */
const CELL_LIMIT = 1000

/**
 * Every file by path, `info` among them. Synapses may come in any order.
 * @param limit see `spatialLevels`
 * @param offset in voxels, from the coordinates of bounds and synapses to those of the viewer
 */
export function* synapseFiles(
  bounds: Box,
  voxelSizeNm: Vec3,
  synapses: readonly SynapseLine[],
  limit = CELL_LIMIT,
  offset: Vec3 = [0, 0, 0],
): Generator<{ readonly path: string; readonly bytes: Uint8Array }> {
  const schema = synapseSchema(voxelSizeNm)
  const all = annotationsOf(synapses)
  const place = placed(offset)
  function* index(key: string, entries: readonly ShardEntry[], coding: 'raw' | 'gzip') {
    const bytes = entries.reduce((n, e) => n + e.bytes.length, 0)
    const sharding = shardingById(entries.length, bytes, SHARD_BYTES, coding)
    for (const [file, shard] of writeShard(sharding, entries)) yield { path: `${key}/${file}`, bytes: shard }
    return { key, sharding }
  }

  const one = all.map(a => ({ id: a.id, bytes: encodeOne(schema, place(a)) }))
  // Too short to gain by compression.
  const byId = yield* index('by_id', one, 'raw')
  const related = []
  for (const [i, key] of RELATED.entries()) {
    const lists = [...Map.groupBy(all, a => a.related![i]![0]!)]
    const entries = lists.map(([id, list]) => ({ id, bytes: encodeList(schema, list.map(place)) }))
    related.push(yield* index(key, entries, 'gzip'))
  }
  const spatial = []
  for (const [l, level] of spatialLevels(bounds, voxelSizeNm, all, limit).entries()) {
    const { gridShape, chunkSize, limit: most, cells } = level
    const axes = mortonAxes(gridShape)
    const entries = cells.map(({ cell, list }) => ({
      id: mortonCode(axes, cell),
      bytes: encodeList(schema, list.map(place)),
    }))
    const made = yield* index(`spatial${l}`, entries, 'gzip')
    spatial.push({ ...made, grid_shape: gridShape, chunk_size: chunkSize, limit: most })
  }
  yield collectionInfo(schema, bounds, offset, { byId, related, spatial })
}
