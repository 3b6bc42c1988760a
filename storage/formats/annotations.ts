// Synapses as Neuroglancer line annotations, from the presynaptic to the postsynaptic side, indexed by id, by segment and in one spatial cell.
//
// Source: google/neuroglancer src/datasource/precomputed/annotation.rst. A record is two f32 points, then the f32 score (28 bytes, so no padding).
import type { Json } from '../../domain/canonical.ts'
import { shapeOf, type Box, type Vec3 } from '../../domain/geometry.ts'

export interface SynapseLine {
  readonly id: bigint
  /** In voxels of mip 0, fractions allowed. */
  readonly pre: Vec3
  readonly post: Vec3
  readonly score: number
  readonly preSegment: bigint
  readonly postSegment: bigint
}

const RECORD = 28
const METRES = 1e-9

/** The info file; `count` is the number of synapses. Everything lies in one spatial cell that reaches over the whole dataset. */
export const annotationInfo = (bounds: Box, voxelSizeNm: readonly [number, number, number], count: number): Json => ({
  '@type': 'neuroglancer_annotations_v1',
  dimensions: {
    x: [voxelSizeNm[0] * METRES, 'm'],
    y: [voxelSizeNm[1] * METRES, 'm'],
    z: [voxelSizeNm[2] * METRES, 'm'],
  },
  lower_bound: bounds.min,
  upper_bound: bounds.max,
  annotation_type: 'LINE',
  properties: [{ id: 'score', type: 'float32', description: 'confidence of the detection, 0 to 1' }],
  relationships: [
    { id: 'pre_segment', key: 'by_pre' },
    { id: 'post_segment', key: 'by_post' },
  ],
  by_id: { key: 'by_id' },
  spatial: [{ key: 'spatial0', grid_shape: [1, 1, 1], chunk_size: shapeOf(bounds), limit: Math.max(1, count) }],
})

function writeRecord(view: DataView, at: number, s: SynapseLine): void {
  s.pre.forEach((v, a) => view.setFloat32(at + 4 * a, v, true))
  s.post.forEach((v, a) => view.setFloat32(at + 12 + 4 * a, v, true))
  view.setFloat32(at + 24, s.score, true)
}

/** u64 count, records, u64 ids. */
function encodeList(list: readonly SynapseLine[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(8 + list.length * (RECORD + 8))
  const view = new DataView(out.buffer)
  view.setBigUint64(0, BigInt(list.length), true)
  list.forEach((s, i) => {
    writeRecord(view, 8 + i * RECORD, s)
    view.setBigUint64(8 + list.length * RECORD + 8 * i, s.id, true)
  })
  return out
}

/** The record, then for each relationship u32 count and u64 segment ids. */
function encodeOne(s: SynapseLine): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(RECORD + 24)
  const view = new DataView(out.buffer)
  writeRecord(view, 0, s)
  ;[s.preSegment, s.postSegment].forEach((segment, i) => {
    view.setUint32(RECORD + 12 * i, 1, true)
    view.setBigUint64(RECORD + 4 + 12 * i, segment, true)
  })
  return out
}

const groupBy = (list: readonly SynapseLine[], key: (s: SynapseLine) => bigint): Map<bigint, SynapseLine[]> => {
  const out = new Map<bigint, SynapseLine[]>()
  for (const s of list) {
    const at = out.get(key(s))
    if (at) at.push(s)
    else out.set(key(s), [s])
  }
  return out
}

/** Every object of the collection beside the info file, by path; ready to be packed. Synapses keep the order given. */
export function* annotationFiles(
  synapses: readonly SynapseLine[],
): Generator<{ key: string; bytes: Uint8Array<ArrayBuffer> }> {
  yield { key: 'spatial0/0_0_0', bytes: encodeList(synapses) }
  for (const [segment, list] of groupBy(synapses, s => s.preSegment))
    yield { key: `by_pre/${segment}`, bytes: encodeList(list) }
  for (const [segment, list] of groupBy(synapses, s => s.postSegment))
    yield { key: `by_post/${segment}`, bytes: encodeList(list) }
  for (const s of synapses) yield { key: `by_id/${s.id}`, bytes: encodeOne(s) }
}
