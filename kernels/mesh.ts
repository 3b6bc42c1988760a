// The surface fragments of all segments of a region.

import { marchLabels } from './mesh-march.ts'
import type { Surfaces } from './mesh-march.ts'
import { simplifierReady, simplifyMesh } from './mesh-simplify.ts'
import type { Mesh } from './mesh-simplify.ts'
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
  const meshes = Array.from(fragments.ids, (_, i) => simplifyMesh(fragmentAt(fragments, i), ratio, errorNm, 'kept'))
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
  const vertices = new Uint32Array(ids.length + 1)
  const counts = new Uint32Array(ids.length + 1)
  for (const label of owner) vertices[label] = vertices[label]! + 1
  for (let t = 0; t < triangles.length; t += 3) {
    const label = owner[triangles[t]!]!
    counts[label] = counts[label]! + 1
  }
  const order = labelsById(ids).filter(label => vertices[label]! > 0)
  const vertexStart = new Uint32Array(order.length + 1)
  const triangleStart = new Uint32Array(order.length + 1)
  for (const [i, label] of order.entries()) {
    vertexStart[i + 1] = vertexStart[i]! + vertices[label]!
    triangleStart[i + 1] = triangleStart[i]! + counts[label]!
    vertices[label] = vertexStart[i]!
    counts[label] = triangleStart[i]!
  }
  const firstVertex = vertices.slice()
  const local = new Uint32Array(owner.length)
  const sorted = new Float32Array(positions.length)
  for (let v = 0; v < owner.length; v++) {
    const label = owner[v]!
    const to = vertices[label]!
    vertices[label] = to + 1
    local[v] = to - firstVertex[label]!
    sorted[3 * to] = positions[3 * v]!
    sorted[3 * to + 1] = positions[3 * v + 1]!
    sorted[3 * to + 2] = positions[3 * v + 2]!
  }
  const faces = new Uint32Array(triangles.length)
  for (let t = 0; t < triangles.length; t += 3) {
    const label = owner[triangles[t]!]!
    const to = counts[label]!
    counts[label] = to + 1
    faces[3 * to] = local[triangles[t]!]!
    faces[3 * to + 1] = local[triangles[t + 1]!]!
    faces[3 * to + 2] = local[triangles[t + 2]!]!
  }
  return {
    ids: BigUint64Array.from(order, label => ids[label - 1]!),
    vertexStart,
    triangleStart,
    positions: sorted,
    triangles: faces,
  }
}

function pack(ids: BigUint64Array, meshes: readonly Mesh[]): MeshFragments {
  const vertexStart = new Uint32Array(meshes.length + 1)
  const triangleStart = new Uint32Array(meshes.length + 1)
  for (const [i, mesh] of meshes.entries()) {
    vertexStart[i + 1] = vertexStart[i]! + mesh.positions.length / 3
    triangleStart[i + 1] = triangleStart[i]! + mesh.triangles.length / 3
  }
  const positions = new Float32Array(3 * vertexStart[meshes.length]!)
  const triangles = new Uint32Array(3 * triangleStart[meshes.length]!)
  for (const [i, mesh] of meshes.entries()) {
    positions.set(mesh.positions, 3 * vertexStart[i]!)
    triangles.set(mesh.triangles, 3 * triangleStart[i]!)
  }
  return { ids, vertexStart, triangleStart, positions, triangles }
}
