// Multi-resolution meshes of Neuroglancer precomputed: the info file, and the manifest of a segment, which stands behind its fragments.
//
// Source: google/neuroglancer src/datasource/precomputed/mesh.rst, "multi-resolution mesh format". A fragment is Draco with
// integer positions of `bits` bits; one of no bytes is empty.
import type { Json } from '../../../domain/canonical.ts'
import type { Vec3 } from '../../../domain/geometry.ts'
import type { ShardingSpec } from '../precomputed/sharding.ts'

/** @param shift in nm, from the coordinates of the fragments to those of the viewer */
export const multilodInfo = (bits: 10 | 16, sharding?: ShardingSpec, [x, y, z]: Vec3 = [0, 0, 0]): Json => ({
  '@type': 'neuroglancer_multilod_draco',
  vertex_quantization_bits: bits,
  transform: [1, 0, 0, x, 0, 1, 0, y, 0, 0, 1, z],
  lod_scale_multiplier: 1,
  ...(sharding && { sharding }),
})

export interface MultilodManifest {
  /** Extent in nm of a node of the finest level; it doubles from level to level. */
  readonly chunkShape: Vec3
  /** Lowest corner of the octree in nm; f32 values. */
  readonly gridOrigin: Vec3
  /** From fine to coarse. */
  readonly lods: readonly {
    /** In nm: what the level resolves. A viewer takes the coarsest level whose scale is small enough on the screen. */
    readonly scale: number
    /** Added to the vertices of the level, in nm. */
    readonly offset: Vec3
    /** x y z of every fragment's node, in Z-curve order. */
    readonly nodes: Uint32Array
    /** Bytes of every fragment. */
    readonly sizes: Uint32Array
  }[]
}

export function encodeManifest({ chunkShape, gridOrigin, lods }: MultilodManifest): Uint8Array<ArrayBuffer> {
  const n = lods.length
  const fragments = lods.reduce((sum, l) => sum + l.sizes.length, 0)
  const out = new ArrayBuffer(28 + 20 * n + 16 * fragments)
  new Float32Array(out, 0, 6).set([...chunkShape, ...gridOrigin])
  new Uint32Array(out, 24, 1)[0] = n
  new Float32Array(out, 28, 4 * n).set([...lods.map(l => l.scale), ...lods.flatMap(l => l.offset)])
  const counts = new Uint32Array(out, 28 + 16 * n)
  counts.set(lods.map(l => l.sizes.length))
  let at = n
  for (const { nodes, sizes } of lods) {
    for (let a = 0; a < 3; a++) for (let i = 0; i < sizes.length; i++) counts[at++] = nodes[3 * i + a]!
    counts.set(sizes, at)
    at += sizes.length
  }
  return new Uint8Array(out)
}
