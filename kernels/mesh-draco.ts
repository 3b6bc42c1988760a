// Draco compression of triangles whose vertices are integers.
import draco, { type Decoder, type DecoderModule, type EncoderModule } from 'draco3d'

export interface IntegerMesh {
  /** x y z per vertex, 0 .. 2^bits - 1. */
  readonly positions: Uint32Array
  /** Three vertices per triangle. */
  readonly triangles: Uint32Array
}

let encoderModule: Promise<EncoderModule> | undefined
let decoderModule: Promise<DecoderModule> | undefined

/**
 * A function that encodes meshes with vertices of `bits` bits. Positions are written as integers: quantised over
 * 0 .. 2^bits - 1, in steps of 1. Vertices and triangles come out in another order; a triangle whose corners are not three
 * places is dropped. A mesh without triangles is no bytes.
 */
export async function dracoEncoder(bits: number): Promise<(mesh: IntegerMesh) => Uint8Array> {
  const module = await (encoderModule ??= draco.createEncoderModule({}))
  return ({ positions, triangles }) => {
    if (triangles.length === 0) return new Uint8Array()
    const encoder = new module.Encoder()
    const builder = new module.MeshBuilder()
    const mesh = new module.Mesh()
    const out = new module.DracoInt8Array()
    try {
      builder.AddFacesToMesh(mesh, triangles.length / 3, triangles)
      builder.AddFloatAttribute(mesh, module.POSITION, positions.length / 3, 3, Float32Array.from(positions))
      encoder.SetEncodingMethod(module.MESH_EDGEBREAKER_ENCODING)
      encoder.SetAttributeExplicitQuantization(module.POSITION, bits, 3, [0, 0, 0], 2 ** bits - 1)
      const length = encoder.EncodeMeshToDracoBuffer(mesh, out)
      if (length === 0) throw new Error(`Draco could not encode ${triangles.length / 3} triangles`)
      return Uint8Array.from({ length }, (_, i) => out.GetValue(i))
    } finally {
      for (const object of [out, mesh, builder, encoder]) module.destroy(object)
    }
  }
}

/** The integers that were encoded. @throws Error when the bytes are not a Draco mesh. */
export async function decodeDraco(bytes: Uint8Array): Promise<IntegerMesh> {
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
