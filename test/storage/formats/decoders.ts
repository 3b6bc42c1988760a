// What only readers do with formats that Hillock writes: annotations, manifests of meshes, and what lies around single-resolution meshes.
import type { Json } from '../../../domain/canonical.ts'
import type { Vec3 } from '../../../domain/geometry.ts'
import {
  layoutOf,
  NAMES,
  type Annotation,
  type AnnotationSchema,
  type Layout,
} from '../../../storage/formats/annotations/records.ts'
import type { MultilodManifest } from '../../../storage/formats/meshes/multilod.ts'

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

/** @throws RangeError when the bytes are not a manifest. */
export function decodeManifest(bytes: Uint8Array): MultilodManifest {
  const { buffer, length } = new Uint8Array(bytes)
  const damaged = new RangeError(`${length} bytes are not the manifest of a multi-resolution mesh`)
  if (length < 28 || length % 4 !== 0) throw damaged
  const floats = new Float32Array(buffer)
  const words = new Uint32Array(buffer)
  const n = words[6]!
  if (length < 28 + 20 * n) throw damaged
  const counts = words.subarray(7 + 4 * n, 7 + 5 * n)
  if (length !== 28 + 20 * n + 16 * counts.reduce((a, b) => a + b, 0)) throw damaged
  const three = (at: number): Vec3 => [floats[at]!, floats[at + 1]!, floats[at + 2]!]
  let at = 7 + 5 * n
  return {
    chunkShape: three(0),
    gridOrigin: three(3),
    lods: Array.from(counts, (count, l) => {
      const columns = words.subarray(at, at + 3 * count)
      const sizes = words.slice(at + 3 * count, at + 4 * count)
      at += 4 * count
      const nodes = Uint32Array.from({ length: 3 * count }, (_, i) => columns[(i % 3) * count + Math.floor(i / 3)]!)
      return { scale: floats[7 + l]!, offset: three(7 + n + 3 * l), nodes, sizes }
    }),
  }
}

/** Vertices in nm of a decoded fragment: its integers as a share of the node. */
export function vertices(
  manifest: MultilodManifest,
  lod: number,
  fragment: number,
  positions: Uint32Array,
  bits: 10 | 16,
): Float64Array {
  const { chunkShape, gridOrigin, lods } = manifest
  const { nodes, offset } = lods[lod]!
  return Float64Array.from(positions, (p, i) => {
    const a = (i % 3) as 0 | 1 | 2
    return gridOrigin[a] + offset[a] + chunkShape[a] * 2 ** lod * (nodes[3 * fragment + a]! + p / (2 ** bits - 1))
  })
}

export const meshInfo = (segmentProperties?: string): Json => ({
  '@type': 'neuroglancer_legacy_mesh',
  ...(segmentProperties !== undefined && { segment_properties: segmentProperties }),
})

/** Name of the object that lists the fragments of a segment. */
export const meshManifestName = (segment: bigint): string => `${segment}:0`
/** Fragment names are relative to the mesh folder. */
export const meshManifest = (fragments: readonly string[]): Json => ({ fragments })
