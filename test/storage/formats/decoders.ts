// What only readers do with formats that Hillock writes: annotations, and what lies around single-resolution meshes.
import type { Json } from '../../../domain/canonical.ts'
import {
  layoutOf,
  NAMES,
  type Annotation,
  type AnnotationSchema,
  type Layout,
} from '../../../storage/formats/annotations/records.ts'

function read(view: DataView, at: number, layout: Layout): Pick<Annotation, 'geometry' | 'properties'> {
  const properties: number[] = []
  for (const { index, type, offset } of layout.fields) properties[index] = view[`get${NAMES[type]}`](at + offset, true)
  return { geometry: Array.from({ length: layout.floats }, (_, i) => view.getFloat32(at + 4 * i, true)), properties }
}

/** @throws RangeError when the bytes are not a list of such annotations. */
export function decodeList(schema: AnnotationSchema, bytes: Uint8Array): Annotation[] {
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
export function decodeOne(schema: AnnotationSchema, id: bigint, bytes: Uint8Array): Annotation {
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
