// What every collection of synapse lines has, whole or in ranges: records, indexes by id and info file.
import type { Json } from '../../../domain/canonical.ts'
import { map3, metres, type Box, type Vec3 } from '../../../domain/geometry.ts'
import { writeShard, type ShardEntry, type ShardingSpec } from '../precomputed/sharding.ts'
import { encodeList, encodeOne, type Annotation } from './records.ts'

export interface SynapseLine {
  readonly id: bigint
  /** In voxels of mip 0, fractions allowed. */
  readonly pre: Vec3
  readonly post: Vec3
  readonly score: number
  readonly preSegment: bigint
  readonly postSegment: bigint
}

/** By id. */
export const annotationsOf = (synapses: readonly SynapseLine[]): Annotation[] =>
  synapses
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(s => ({
      id: s.id,
      geometry: [...s.pre, ...s.post],
      score: s.score,
      related: [s.preSegment, s.postSegment],
    }))

/** In the coordinates of the viewer: the spatial index counts from the lower bound, wherever that lies. */
export const placed =
  (offset: Vec3) =>
  (a: Annotation): Annotation => ({ ...a, geometry: a.geometry.map((v, i) => v + offset[i % 3]!) })

export interface CollectionFile {
  readonly path: string
  readonly bytes: Uint8Array
}
interface Index {
  readonly key: string
  readonly sharding: ShardingSpec
}

/** The shards of an index; returns how the info file names it. */
export function* writeIndex(
  key: string,
  sharding: ShardingSpec,
  entries: readonly ShardEntry[],
): Generator<CollectionFile, Index> {
  for (const [file, bytes] of writeShard(sharding, entries)) yield { path: `${key}/${file}`, bytes }
  return { key, sharding }
}

/**
 * The indexes by id and by either partner.
 * @param synapses that have their id, their pre- and their postsynaptic segment there
 * @param shardingOf that of entries, which are compressed or too short to gain by it
 */
export function* writeById(
  synapses: Readonly<Record<'id' | 'pre' | 'post', readonly SynapseLine[]>>,
  place: (a: Annotation) => Annotation,
  shardingOf: (entries: readonly ShardEntry[], coding: 'raw' | 'gzip') => ShardingSpec,
): Generator<CollectionFile, { readonly byId: Index; readonly related: readonly Index[] }> {
  const one = annotationsOf(synapses.id).map(a => ({ id: a.id, bytes: encodeOne(place(a)) }))
  const byId = yield* writeIndex('by_id', shardingOf(one, 'raw'), one)
  const related = []
  // In the order of the relationships of the schema.
  for (const [i, side] of (['pre', 'post'] as const).entries()) {
    const lists = [...Map.groupBy(annotationsOf(synapses[side]), a => a.related[i]!)]
    const entries = lists.map(([id, list]) => ({ id, bytes: encodeList(list.map(place)) }))
    related.push(yield* writeIndex(`by_${side}`, shardingOf(entries, 'gzip'), entries))
  }
  return { byId, related }
}

/** The info file. @param spatial with `grid_shape`, `chunk_size` and `limit` */
export function collectionInfo(
  { min, max }: Box,
  voxelSizeNm: Vec3,
  offset: Vec3,
  indexes: { readonly byId: Index; readonly related: readonly Index[]; readonly spatial: readonly Index[] },
): CollectionFile {
  const info = {
    '@type': 'neuroglancer_annotations_v1',
    annotation_type: 'LINE',
    dimensions: Object.fromEntries(['x', 'y', 'z'].map((name, a) => [name, [metres(voxelSizeNm[a]!), 'm']])),
    properties: [{ id: 'score', type: 'float32', description: 'confidence of the detection, 0 to 1' }],
    relationships: indexes.related.map((index, i) => ({ id: ['pre_segment', 'post_segment'][i]!, ...index })),
    lower_bound: map3(a => min[a] + offset[a]),
    upper_bound: map3(a => max[a] + offset[a]),
    by_id: indexes.byId,
    spatial: indexes.spatial,
  } as unknown as Json
  return { path: 'info', bytes: Buffer.from(JSON.stringify(info)) }
}
