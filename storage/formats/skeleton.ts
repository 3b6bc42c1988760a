// Skeletons of Neuroglancer precomputed, with the radius of every vertex.
//
// Source: google/neuroglancer src/datasource/precomputed/skeleton.rst. Unsharded: one object per segment, named by its decimal id.
import type { Json } from '../../domain/canonical.ts'
import type { Vec3 } from '../../domain/geometry.ts'
import type { ShardingSpec } from './precomputed/sharding.ts'

export interface Skeleton {
  /** x, y, z of every vertex in nm. */
  readonly positions: Float32Array
  /** Two vertex numbers per edge. */
  readonly edges: Uint32Array
  /** Of every vertex, in nm. */
  readonly radii: Float32Array
}

/** @param shift in nm, from the coordinates of the vertices to those of the viewer */
export const skeletonInfo = (sharding?: ShardingSpec, [x, y, z]: Vec3 = [0, 0, 0]): Json => ({
  '@type': 'neuroglancer_skeletons',
  transform: [1, 0, 0, x, 0, 1, 0, y, 0, 0, 1, z],
  vertex_attributes: [{ id: 'radius', data_type: 'float32', num_components: 1 }],
  ...(sharding && { sharding }),
})

/** u32 vertices, u32 edges, f32 positions, u32 edge pairs, f32 radii. */
export function encodeSkeleton({ positions, edges, radii }: Skeleton): Uint8Array<ArrayBuffer> {
  if (radii.length * 3 !== positions.length)
    throw new RangeError(`${radii.length} radii for ${positions.length / 3} vertices`)
  const out = new Uint8Array(8 + positions.byteLength + edges.byteLength + radii.byteLength)
  new Uint32Array(out.buffer, 0, 2).set([radii.length, edges.length / 2])
  new Float32Array(out.buffer, 8, positions.length).set(positions)
  new Uint32Array(out.buffer, 8 + positions.byteLength, edges.length).set(edges)
  new Float32Array(out.buffer, 8 + positions.byteLength + edges.byteLength, radii.length).set(radii)
  return out
}

/** @throws RangeError when the bytes are not a skeleton with radii. */
export function decodeSkeleton(bytes: Uint8Array): Skeleton {
  const { buffer, length } = new Uint8Array(bytes)
  const [vertices, edges] = length >= 8 ? new Uint32Array(buffer, 0, 2) : [0, 0]
  if (length !== 8 + 16 * vertices! + 8 * edges!)
    throw new RangeError(`${length} bytes are not a skeleton of ${vertices} vertices and ${edges} edges`)
  return {
    positions: new Float32Array(buffer, 8, 3 * vertices!),
    edges: new Uint32Array(buffer, 8 + 12 * vertices!, 2 * edges!),
    radii: new Float32Array(buffer, 8 + 12 * vertices! + 8 * edges!, vertices!),
  }
}
