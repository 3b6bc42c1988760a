// Synapses as Neuroglancer line annotations, from the presynaptic to the postsynaptic side: all files of the collection, sharded.
import type { Json } from '../../../domain/canonical.ts'
import { map3, metres, type Box, type Vec3 } from '../../../domain/geometry.ts'
import { shardingById } from '../precomputed/by-id.ts'
import { mortonAxes, mortonCode } from '../precomputed/morton.ts'
import { writeShard, type ShardEntry, type ShardingSpec } from '../precomputed/sharding.ts'
import { encodeList, encodeOne, type Annotation, type AnnotationSchema } from './records.ts'
import { spatialLevels } from './spatial.ts'

export interface SynapseLine {
  readonly id: bigint
  /** In voxels of mip 0, fractions allowed. */
  readonly pre: Vec3
  readonly post: Vec3
  readonly score: number
  readonly preSegment: bigint
  readonly postSegment: bigint
}

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
  const schema: AnnotationSchema = {
    annotation_type: 'LINE',
    dimensions: Object.fromEntries(['x', 'y', 'z'].map((name, a) => [name, [metres(voxelSizeNm[a]!), 'm']])),
    properties: [{ id: 'score', type: 'float32' }],
    relationships: [{ id: 'pre_segment' }, { id: 'post_segment' }],
  }
  const all = synapses
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((s): Annotation => ({
      id: s.id,
      geometry: [...s.pre, ...s.post],
      properties: [s.score],
      related: [[s.preSegment], [s.postSegment]],
    }))
  function* index(key: string, sharding: ShardingSpec, entries: readonly ShardEntry[]) {
    for (const [file, bytes] of writeShard(sharding, entries)) yield { path: `${key}/${file}`, bytes }
    return { key, sharding }
  }
  const byIds = (key: string, entries: readonly ShardEntry[], coding: 'raw' | 'gzip') => {
    const bytes = entries.reduce((n, e) => n + e.bytes.length, 0)
    return index(key, shardingById(entries.length, bytes, SHARD_BYTES, coding), entries)
  }

  // The spatial index counts from the lower bound, wherever that lies.
  const placed = (a: Annotation): Annotation => ({ ...a, geometry: a.geometry.map((v, i) => v + offset[i % 3]!) })
  const one = all.map(a => ({ id: a.id, bytes: encodeOne(schema, placed(a)) }))
  // Too short to gain by compression.
  const byId = yield* byIds('by_id', one, 'raw')
  const relationships = []
  for (const [i, key] of ['by_pre', 'by_post'].entries()) {
    const lists = [...Map.groupBy(all, a => a.related![i]![0]!)]
    const entries = lists.map(([id, list]) => ({ id, bytes: encodeList(schema, list.map(placed)) }))
    relationships.push({ ...schema.relationships[i], ...(yield* byIds(key, entries, 'gzip')) })
  }
  const spatial = []
  for (const [l, { gridShape, chunkSize, limit: most, cells }] of spatialLevels(
    bounds,
    voxelSizeNm,
    all,
    limit,
  ).entries()) {
    const axes = mortonAxes(gridShape)
    const entries = cells.map(({ cell, list }) => ({
      id: mortonCode(axes, cell),
      bytes: encodeList(schema, list.map(placed)),
    }))
    const made = yield* byIds(`spatial${l}`, entries, 'gzip')
    spatial.push({ ...made, grid_shape: gridShape, chunk_size: chunkSize, limit: most })
  }
  const info: Json = {
    '@type': 'neuroglancer_annotations_v1',
    ...schema,
    lower_bound: map3(a => bounds.min[a] + offset[a]),
    upper_bound: map3(a => bounds.max[a] + offset[a]),
    properties: [{ ...schema.properties[0], description: 'confidence of the detection, 0 to 1' }],
    by_id: byId,
    relationships,
    spatial,
  } as unknown as Json
  yield { path: 'info', bytes: Buffer.from(JSON.stringify(info)) }
}
