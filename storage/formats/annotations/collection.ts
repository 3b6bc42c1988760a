// What every collection of synapse lines has, whole or in ranges: schema, records and info file.
import type { Json } from '../../../domain/canonical.ts'
import { map3, metres, type Box, type Vec3 } from '../../../domain/geometry.ts'
import type { ShardingSpec } from '../precomputed/sharding.ts'
import type { Annotation, AnnotationSchema } from './records.ts'

export interface SynapseLine {
  readonly id: bigint
  /** In voxels of mip 0, fractions allowed. */
  readonly pre: Vec3
  readonly post: Vec3
  readonly score: number
  readonly preSegment: bigint
  readonly postSegment: bigint
}

export const synapseSchema = (voxelSizeNm: Vec3): AnnotationSchema => ({
  annotation_type: 'LINE',
  dimensions: Object.fromEntries(['x', 'y', 'z'].map((name, a) => [name, [metres(voxelSizeNm[a]!), 'm']])),
  properties: [{ id: 'score', type: 'float32' }],
  relationships: [{ id: 'pre_segment' }, { id: 'post_segment' }],
})

/** By id. */
export const annotationsOf = (synapses: readonly SynapseLine[]): Annotation[] =>
  synapses
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(s => ({
      id: s.id,
      geometry: [...s.pre, ...s.post],
      properties: [s.score],
      related: [[s.preSegment], [s.postSegment]],
    }))

/** In the coordinates of the viewer: the spatial index counts from the lower bound, wherever that lies. */
export const placed =
  (offset: Vec3) =>
  (a: Annotation): Annotation => ({ ...a, geometry: a.geometry.map((v, i) => v + offset[i % 3]!) })

/** Folders of the two relationships, in the order of the schema. */
export const RELATED = ['by_pre', 'by_post'] as const

interface Index {
  readonly key: string
  readonly sharding: ShardingSpec
}

/** The info file. @param spatial with `grid_shape`, `chunk_size` and `limit` */
export function collectionInfo(
  schema: AnnotationSchema,
  { min, max }: Box,
  offset: Vec3,
  indexes: { readonly byId: Index; readonly related: readonly Index[]; readonly spatial: readonly Index[] },
): { readonly path: string; readonly bytes: Uint8Array } {
  const info = {
    '@type': 'neuroglancer_annotations_v1',
    ...schema,
    lower_bound: map3(a => min[a] + offset[a]),
    upper_bound: map3(a => max[a] + offset[a]),
    properties: [{ ...schema.properties[0], description: 'confidence of the detection, 0 to 1' }],
    by_id: indexes.byId,
    relationships: indexes.related.map((index, i) => ({ ...schema.relationships[i], ...index })),
    spatial: indexes.spatial,
  } as unknown as Json
  return { path: 'info', bytes: Buffer.from(JSON.stringify(info)) }
}
