// Synapses as Neuroglancer line annotations, from the presynaptic to the postsynaptic side: all files of the collection, sharded.
import type { Box, Vec3 } from '../../../domain/geometry.ts'
import { shardingById } from '../precomputed/by-id.ts'
import { mortonAxes, mortonCode } from '../precomputed/morton.ts'
import { annotationsOf, collectionInfo, placed, writeById, writeIndex } from './collection.ts'
import type { CollectionFile, SynapseLine } from './collection.ts'
import { encodeList } from './records.ts'
import { spatialLevels } from './spatial.ts'
import type { ShardEntry, ShardingSpec } from '../precomputed/sharding.ts'

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
): Generator<CollectionFile> {
  const all = annotationsOf(synapses)
  const place = placed(offset)
  const shardingOf = (entries: readonly ShardEntry[], coding: 'raw' | 'gzip'): ShardingSpec => {
    const bytes = entries.reduce((n, e) => n + e.bytes.length, 0)
    return shardingById(entries.length, bytes, SHARD_BYTES, coding)
  }
  const byId = yield* writeById({ id: synapses, pre: synapses, post: synapses }, place, shardingOf)
  const spatial = []
  for (const [l, level] of spatialLevels(bounds, voxelSizeNm, all, limit).entries()) {
    const { gridShape, chunkSize, limit: most, cells } = level
    const axes = mortonAxes(gridShape)
    const entries = cells.map(({ cell, list }) => ({
      id: mortonCode(axes, cell),
      bytes: encodeList(list.map(place)),
    }))
    const made = yield* writeIndex(`spatial${l}`, shardingOf(entries, 'gzip'), entries)
    spatial.push({ ...made, grid_shape: gridShape, chunk_size: chunkSize, limit: most })
  }
  yield collectionInfo(bounds, voxelSizeNm, offset, { ...byId, spatial })
}
