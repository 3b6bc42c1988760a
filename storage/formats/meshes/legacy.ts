// Single-resolution meshes of Neuroglancer precomputed: a manifest per segment that lists binary fragments.
//
// Source: google/neuroglancer src/datasource/precomputed/mesh.rst, "legacy single-resolution mesh format".

export interface Mesh {
  /** x, y, z of every vertex in nm. */
  readonly positions: Float32Array
  /** Three vertex numbers per triangle. */
  readonly triangles: Uint32Array
}

/** Bytes of a fragment: u32 number of vertices, f32 positions, u32 triangles. */
export function encodeMesh({ positions, triangles }: Mesh): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(4 + positions.byteLength + triangles.byteLength)
  new DataView(out.buffer).setUint32(0, positions.length / 3, true)
  new Float32Array(out.buffer, 4, positions.length).set(positions)
  new Uint32Array(out.buffer, 4 + positions.byteLength, triangles.length).set(triangles)
  return out
}

/** @throws RangeError when the bytes are not a fragment. */
export function decodeMesh(bytes: Uint8Array): Mesh {
  const own = new Uint8Array(bytes)
  const vertices = own.length >= 4 ? new DataView(own.buffer).getUint32(0, true) : 0
  const rest = own.length - 4 - 12 * vertices
  if (rest < 0 || rest % 12 !== 0) throw new RangeError(`${own.length} bytes are not a mesh fragment`)
  const triangles = new Uint32Array(own.buffer, 4 + 12 * vertices, rest / 4)
  if (triangles.some(v => v >= vertices))
    throw new RangeError('a triangle of the mesh fragment names a vertex that it lacks')
  return { positions: new Float32Array(own.buffer, 4, 3 * vertices), triangles }
}
