// Annotations as bytes: one by itself with the ids that it relates to, and lists of them.
//
// Source: google/neuroglancer src/datasource/precomputed/annotation.rst.
import { z } from 'zod'

const PROPERTY_BYTES = { uint32: 4, int32: 4, float32: 4, uint16: 2, int16: 2, uint8: 1, int8: 1 } as const
type PropertyType = keyof typeof PROPERTY_BYTES

/** What of an info file says how the bytes of its annotations are laid out. */
export const AnnotationSchema = z.object({
  annotation_type: z.enum(['POINT', 'LINE', 'AXIS_ALIGNED_BOUNDING_BOX', 'ELLIPSOID']),
  dimensions: z.record(z.string(), z.tuple([z.number(), z.string()])),
  properties: z.array(z.object({ id: z.string(), type: z.enum(Object.keys(PROPERTY_BYTES) as [PropertyType]) })),
  relationships: z.array(z.object({ id: z.string() })),
})
export type AnnotationSchema = z.infer<typeof AnnotationSchema>

export interface Annotation {
  readonly id: bigint
  /** Coordinates of the point, or of the first and then the second point (of an ellipsoid: its radii). */
  readonly geometry: readonly number[]
  /** In the order of the info file. */
  readonly properties: readonly number[]
  /** Ids of each relationship, in the order of the info file; lists do not have them. */
  readonly related?: readonly (readonly bigint[])[]
}

export interface Layout {
  readonly floats: number
  /** Properties in the order of the bytes: those of 4 bytes, then of 2, then of 1. */
  readonly fields: readonly { readonly index: number; readonly type: PropertyType; readonly offset: number }[]
  readonly bytes: number
}

export function layoutOf({ annotation_type, dimensions, properties }: AnnotationSchema): Layout {
  const floats = Object.keys(dimensions).length * (annotation_type === 'POINT' ? 1 : 2)
  let offset = 4 * floats
  const fields = [4, 2, 1].flatMap(size =>
    properties.flatMap(({ type }, index) => {
      if (PROPERTY_BYTES[type] !== size) return []
      const field = { index, type, offset }
      offset += size
      return [field]
    }),
  )
  return { floats, fields, bytes: 4 * Math.ceil(offset / 4) }
}

export const NAMES = {
  uint32: 'Uint32',
  int32: 'Int32',
  float32: 'Float32',
  uint16: 'Uint16',
  int16: 'Int16',
  uint8: 'Uint8',
  int8: 'Int8',
} as const

function write(view: DataView, at: number, layout: Layout, a: Annotation): void {
  a.geometry.forEach((v, i) => view.setFloat32(at + 4 * i, v, true))
  for (const { index, type, offset } of layout.fields)
    view[`set${NAMES[type]}`](at + offset, a.properties[index]!, true)
}

/** u64 count, records, u64 ids. */
export function encodeList(schema: AnnotationSchema, list: readonly Annotation[]): Uint8Array<ArrayBuffer> {
  const layout = layoutOf(schema)
  const out = new Uint8Array(8 + list.length * (layout.bytes + 8))
  const view = new DataView(out.buffer)
  view.setBigUint64(0, BigInt(list.length), true)
  list.forEach((a, i) => {
    write(view, 8 + i * layout.bytes, layout, a)
    view.setBigUint64(8 + list.length * layout.bytes + 8 * i, a.id, true)
  })
  return out
}

/** The record, then for each relationship u32 count and u64 ids. */
export function encodeOne(schema: AnnotationSchema, a: Annotation): Uint8Array<ArrayBuffer> {
  const layout = layoutOf(schema)
  const related = a.related ?? []
  const out = new Uint8Array(layout.bytes + related.reduce((n, ids) => n + 4 + 8 * ids.length, 0))
  const view = new DataView(out.buffer)
  write(view, 0, layout, a)
  let at = layout.bytes
  for (const ids of related) {
    view.setUint32(at, ids.length, true)
    ids.forEach((id, i) => view.setBigUint64(at + 4 + 8 * i, id, true))
    at += 4 + 8 * ids.length
  }
  return out
}
