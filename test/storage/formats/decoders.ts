// What only readers do with formats that Hillock writes: annotations, and what lies around single-resolution meshes.
import type { Json } from '../../../domain/canonical.ts'
import { z } from 'zod'

/** What of an info file says how the bytes of its annotations are laid out. */
export const AnnotationSchema = z.object({
  annotation_type: z.literal('LINE'),
  dimensions: z.record(z.string(), z.tuple([z.number(), z.string()])),
  properties: z.array(z.object({ id: z.string(), type: z.literal('float32') })),
  relationships: z.array(z.object({ id: z.string() })),
})
export type AnnotationSchema = z.infer<typeof AnnotationSchema>

/** As a reader finds it; lists do not have the ids that it relates to. */
export interface Found {
  readonly id: bigint
  readonly geometry: readonly number[]
  readonly properties: readonly number[]
  readonly related?: readonly (readonly bigint[])[]
}

interface Layout {
  readonly floats: number
  readonly properties: number
  readonly bytes: number
}
function layoutOf({ dimensions, properties }: AnnotationSchema): Layout {
  const floats = 2 * Object.keys(dimensions).length
  return { floats, properties: properties.length, bytes: 4 * (floats + properties.length) }
}

function read(view: DataView, at: number, layout: Layout): Pick<Found, 'geometry' | 'properties'> {
  const all = Array.from({ length: layout.bytes / 4 }, (_, i) => view.getFloat32(at + 4 * i, true))
  return { geometry: all.slice(0, layout.floats), properties: all.slice(layout.floats) }
}

/** @throws RangeError when the bytes are not a list of such annotations. */
export function decodeList(schema: AnnotationSchema, bytes: Uint8Array): Found[] {
  const layout = layoutOf(schema)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const n = bytes.length < 8 ? -1 : Number(view.getBigUint64(0, true))
  if (bytes.length !== 8 + n * (layout.bytes + 8))
    throw new RangeError(`${bytes.length} bytes are not a list of annotations`)
  return Array.from({ length: n }, (_, i) => ({
    id: view.getBigUint64(8 + n * layout.bytes + 8 * i, true),
    ...read(view, 8 + i * layout.bytes, layout),
  }))
}

/** @throws RangeError when the bytes are not one such annotation. */
export function decodeOne(schema: AnnotationSchema, id: bigint, bytes: Uint8Array): Found {
  const layout = layoutOf(schema)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = layout.bytes
  const related = schema.relationships.map(() => {
    const n = view.getUint32(at, true)
    const ids = Array.from({ length: n }, (_, i) => view.getBigUint64(at + 4 + 8 * i, true))
    at += 4 + 8 * n
    return ids
  })
  if (at !== bytes.length) throw new RangeError(`${bytes.length} bytes are not one annotation`)
  return { id, ...read(view, 0, layout), related }
}

export const meshInfo = (segmentProperties?: string): Json => ({
  '@type': 'neuroglancer_legacy_mesh',
  ...(segmentProperties !== undefined && { segment_properties: segmentProperties }),
})

/** Name of the object that lists the fragments of a segment. */
export const meshManifestName = (segment: bigint): string => `${segment}:0`
/** Fragment names are relative to the mesh folder. */
export const meshManifest = (fragments: readonly string[]): Json => ({ fragments })
