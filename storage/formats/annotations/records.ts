// Annotations as bytes: lines with a score, one by itself with the ids that it relates to, and lists of them.
//
// Source: google/neuroglancer src/datasource/precomputed/annotation.rst.

export interface Annotation {
  readonly id: bigint
  /** The first and then the second point, in the units of the info file. */
  readonly geometry: readonly number[]
  readonly score: number
  /** Id of each relationship, in the order of the info file. */
  readonly related: readonly bigint[]
}

/** Six coordinates and the score, f32. */
const RECORD = 28

const write = (view: DataView, at: number, { geometry, score }: Annotation): void =>
  [...geometry, score].forEach((v, i) => view.setFloat32(at + 4 * i, v, true))

/** u64 count, records, u64 ids. */
export function encodeList(list: readonly Annotation[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(8 + list.length * (RECORD + 8))
  const view = new DataView(out.buffer)
  view.setBigUint64(0, BigInt(list.length), true)
  list.forEach((a, i) => {
    write(view, 8 + i * RECORD, a)
    view.setBigUint64(8 + list.length * RECORD + 8 * i, a.id, true)
  })
  return out
}

/** The record, then for each relationship u32 count, which is 1, and u64 id. */
export function encodeOne(a: Annotation): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(RECORD + 12 * a.related.length)
  const view = new DataView(out.buffer)
  write(view, 0, a)
  a.related.forEach((id, i) => {
    view.setUint32(RECORD + 12 * i, 1, true)
    view.setBigUint64(RECORD + 12 * i + 4, id, true)
  })
  return out
}
