// Reads multi-resolution meshes of Neuroglancer precomputed: the manifest of a segment, and its Draco fragments as the integers that were encoded.
import draco, { type Decoder, type DecoderModule } from 'draco3d'
import type { Vec3 } from '../../../domain/geometry.ts'
import type { MultilodManifest } from './multilod.ts'

interface DecodedMesh {
  /** x y z per vertex, 0 .. 2^bits - 1. */
  readonly positions: Uint32Array
  /** Three vertices per triangle. */
  readonly triangles: Uint32Array
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

let decoderModule: Promise<DecoderModule> | undefined

/** The integers that were encoded. @throws Error when the bytes are not a Draco mesh. */
export async function decodeDraco(bytes: Uint8Array): Promise<DecodedMesh> {
  if (bytes.length === 0) return { positions: new Uint32Array(), triangles: new Uint32Array() }
  const module = await (decoderModule ??= draco.createDecoderModule({}))
  const decoder: Decoder & { SkipAttributeTransform?(type: unknown): void } = new module.Decoder()
  const mesh = new module.Mesh()
  const values = new module.DracoInt32Array()
  const buffer = new module.DecoderBuffer()
  try {
    decoder.SkipAttributeTransform!(module.POSITION)
    buffer.Init(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length), bytes.length)
    const status = decoder.DecodeBufferToMesh(buffer, mesh)
    if (!status.ok()) throw new Error(`not a Draco mesh: ${status.error_msg()}`)
    const attribute = decoder.GetAttribute(mesh, decoder.GetAttributeId(mesh, module.POSITION as never))
    decoder.GetAttributeInt32ForAllPoints(mesh, attribute, values)
    const size = 12 * mesh.num_faces()
    const at = module._malloc(size)
    decoder.GetTrianglesUInt32Array(mesh, size, at)
    const triangles = module.HEAPU32.slice(at / 4, at / 4 + size / 4)
    module._free(at)
    return {
      positions: Uint32Array.from({ length: 3 * mesh.num_points() }, (_, i) => values.GetValue(i)),
      triangles,
    }
  } finally {
    for (const object of [values, mesh, buffer, decoder]) module.destroy(object)
  }
}
