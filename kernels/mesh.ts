// The surface fragments of all segments of a region.
import { concat, startsOf } from './arrays.ts'
import { marchLabels } from './mesh/march.ts'
import type { Surfaces } from './mesh/march.ts'
import { simplifierReady, simplifyMesh } from './mesh/simplify.ts'
import type { Mesh } from './mesh/simplify.ts'
import { tick } from './tick.ts'
import { labelsById, sampleRegion } from './surface-samples.ts'
import type { RegionLabels } from './surface-samples.ts'

export interface MeshParameters {
  /** Voxels per sample along each axis; 2 gives about a quarter of the triangles. */
  readonly step: 1 | 2
  /** Share of the triangles to keep, 0..1; 1 leaves the surface as it is. */
  readonly ratio: number
  /** How far simplifying may move the surface, in nm. */
  readonly errorNm: number
}

/**
 * Fragments in a row, sorted by segment id. Fragment i has the vertices `vertexStart[i] .. vertexStart[i + 1]` and the
 * triangles `triangleStart[i] .. triangleStart[i + 1]`, whose vertex numbers start at 0 in each fragment.
 */
export interface MeshFragments {
  readonly ids: BigUint64Array
  readonly vertexStart: Uint32Array
  readonly triangleStart: Uint32Array
  /** nm in the dataset's frame (voxel v spans v..v+1 times the voxel size), x y z per vertex. */
  readonly positions: Float32Array
  /** Three vertices per triangle, anticlockwise seen from outside. */
  readonly triangles: Uint32Array
}

/**
 * Surfaces of all segments inside a region. The fragments of neighbouring regions (same parameters) meet in the plane
 * through the centres of the upper region's first voxels, with the same vertices: the union of a segment's fragments
 * over the dataset is closed. Throws RangeError as `sampleRegion` does.
 */
export async function meshRegion(args: RegionLabels & { readonly params: MeshParameters }): Promise<MeshFragments> {
  const { step, ratio, errorNm } = args.params
  const samples = sampleRegion(args, step)
  const fragments = byOwner(marchLabels(samples, args.voxelSizeNm, args.low, args.high), args.ids)
  if (ratio >= 1) return fragments
  await simplifierReady
  const meshes = Array.from(fragments.ids, (_, i) => {
    tick()
    return simplifyMesh(fragmentAt(fragments, i), ratio, errorNm, 'kept')
  })
  return pack(fragments.ids, meshes)
}

/** Views of fragment i. */
export function fragmentAt(fragments: MeshFragments, i: number): Mesh {
  const { positions, triangles, vertexStart, triangleStart } = fragments
  return {
    positions: positions.subarray(3 * vertexStart[i]!, 3 * vertexStart[i + 1]!),
    triangles: triangles.subarray(3 * triangleStart[i]!, 3 * triangleStart[i + 1]!),
  }
}

/** Sorts the stream of surfaces by owner; within one it keeps the order. */
function byOwner({ owner, positions, triangles }: Surfaces, ids: BigUint64Array): MeshFragments {
  // Per label, first how many, then where the next one goes.
  const vertices = new Uint32Array(ids.length + 1)
  const faces = new Uint32Array(ids.length + 1)
  for (const label of owner) vertices[label]!++
  for (let t = 0; t < triangles.length; t += 3) faces[owner[triangles[t]!]!]!++
  const order = labelsById(ids).filter(label => vertices[label]! > 0)
  const vertexStart = startsOf(order.map(label => vertices[label]!))
  const triangleStart = startsOf(order.map(label => faces[label]!))
  for (const [i, label] of order.entries()) {
    vertices[label] = vertexStart[i]!
    faces[label] = triangleStart[i]!
  }
  const firstVertex = vertices.slice()
  const local = new Uint32Array(owner.length)
  const sorted = { positions: new Float32Array(positions.length), triangles: new Uint32Array(triangles.length) }
  for (let v = 0; v < owner.length; v++) {
    const label = owner[v]!
    const to = vertices[label]!++
    local[v] = to - firstVertex[label]!
    for (let k = 0; k < 3; k++) sorted.positions[3 * to + k] = positions[3 * v + k]!
  }
  for (let t = 0; t < triangles.length; t += 3) {
    const to = faces[owner[triangles[t]!]!]!++
    for (let k = 0; k < 3; k++) sorted.triangles[3 * to + k] = local[triangles[t + k]!]!
  }
  return { ids: BigUint64Array.from(order, label => ids[label - 1]!), vertexStart, triangleStart, ...sorted }
}

const pack = (ids: BigUint64Array, meshes: readonly Mesh[]): MeshFragments => ({
  ids,
  vertexStart: startsOf(meshes.map(m => m.positions.length / 3)),
  triangleStart: startsOf(meshes.map(m => m.triangles.length / 3)),
  positions: concat([new Float32Array(), ...meshes.map(m => m.positions)]),
  triangles: concat([new Uint32Array(), ...meshes.map(m => m.triangles)]),
})
