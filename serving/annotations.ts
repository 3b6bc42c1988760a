// Synapses as Neuroglancer precomputed annotations: lines from the pre- to the postsynaptic point, found by segment.
//
// Format: github.com/google/neuroglancer, src/datasource/precomputed/annotation (neuroglancer_annotations_v1).
import type { Release } from '../domain/release.ts'

export interface Synapse {
  readonly id: bigint
  readonly pre: bigint
  readonly post: bigint
  /** Points x, y, z in voxels of the dataset. */
  readonly prePoint: readonly number[]
  readonly postPoint: readonly number[]
  /** Voxels of the cleft. */
  readonly size: number
  /** Detection score, 0 to 1. */
  readonly score: number
}

export const RELATIONSHIPS = ['pre_segment', 'post_segment'] as const
export type Relationship = (typeof RELATIONSHIPS)[number]

/** Geometry 2 x 3 f32, then size f32, score f32. */
const RECORD = 32

/** The layer's `info`: one level of one spatial cell, because a reader that sees all wants all. */
export const annotationInfo = (release: Release, count: number): Record<string, unknown> => {
  const { bounds, voxelSizeNm } = release
  return {
    '@type': 'neuroglancer_annotations_v1',
    dimensions: Object.fromEntries(['x', 'y', 'z'].map((name, a) => [name, [voxelSizeNm[a]! / 1e9, 'm']])),
    lower_bound: bounds.min,
    upper_bound: bounds.max,
    annotation_type: 'LINE',
    properties: [
      { id: 'size', type: 'float32', description: 'voxels of the cleft' },
      { id: 'score', type: 'float32', description: 'detection score' },
    ],
    relationships: RELATIONSHIPS.map(id => ({ id, key: id })),
    by_id: { key: 'by_id' },
    spatial: [
      { key: 'spatial0', grid_shape: [1, 1, 1], chunk_size: bounds.max.map((v, a) => v - bounds.min[a]!), limit: Math.max(1, count) },
    ],
  }
}

function writeRecord(view: DataView, at: number, s: Synapse): void {
  const values = [...s.prePoint, ...s.postPoint, s.size, s.score]
  values.forEach((v, i) => view.setFloat32(at + 4 * i, v, true))
}

/** A list as the spatial and the relationship indexes hold it: u64 count, records, u64 ids. */
export function annotationList(list: readonly Synapse[]): Uint8Array {
  const out = new Uint8Array(8 + list.length * (RECORD + 8))
  const view = new DataView(out.buffer)
  view.setBigUint64(0, BigInt(list.length), true)
  list.forEach((s, i) => {
    writeRecord(view, 8 + RECORD * i, s)
    view.setBigUint64(8 + RECORD * list.length + 8 * i, s.id, true)
  })
  return out
}

/** One synapse as the id index holds it: the record, then count and ids of every relationship (segment 0 is none). */
export function annotationById(s: Synapse): Uint8Array {
  const related = [s.pre, s.post]
  const out = new Uint8Array(RECORD + related.reduce((n, id) => n + (id === 0n ? 4 : 12), 0))
  const view = new DataView(out.buffer)
  writeRecord(view, 0, s)
  let at = RECORD
  for (const id of related) {
    view.setUint32(at, id === 0n ? 0 : 1, true)
    if (id !== 0n) view.setBigUint64(at + 4, id, true)
    at += id === 0n ? 4 : 12
  }
  return out
}
