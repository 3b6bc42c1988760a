// Draco compression of triangles whose vertices are integers.
import draco, { type EncoderModule } from 'draco3d'

export interface IntegerMesh {
  /** x y z per vertex, 0 .. 2^bits - 1. */
  readonly positions: Uint32Array
  /** Three vertices per triangle. */
  readonly triangles: Uint32Array
}

let encoderModule: Promise<EncoderModule> | undefined

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
