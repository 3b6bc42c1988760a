// Draco meshes read back as the integers that were encoded.
import draco, { type Decoder, type DecoderModule } from 'draco3d'
import type { IntegerMesh } from '../../../kernels/mesh/draco.ts'

let decoderModule: Promise<DecoderModule> | undefined

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
