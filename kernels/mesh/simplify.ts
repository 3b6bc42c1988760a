// Fewer triangles for the surface of one segment, with the border towards neighbouring regions left as it is.

import { MeshoptSimplifier } from 'meshoptimizer/simplifier'

export interface Mesh {
  /** nm, x y z per vertex. */
  readonly positions: Float32Array
  /** Three vertex indices per triangle, anticlockwise seen from outside. */
  readonly triangles: Uint32Array
}

/** To be awaited before `simplifyMesh`. */
export const simplifierReady: Promise<void> = MeshoptSimplifier.ready

/**
 * Collapses edges (quadric error metric of Garland & Heckbert 1997, by meshoptimizer) until `ratio` of the triangles
 * is left or the next collapse would move the surface by more than `errorNm`. Where `border` is `kept`, vertices and lines on
 * open borders stay, so fragments of neighbouring regions still fit. Keeps the order of the remaining vertices.
 */
export function simplifyMesh(mesh: Mesh, ratio: number, errorNm: number, border: 'kept' | 'free'): Mesh {
  const target = 3 * Math.floor((ratio * mesh.triangles.length) / 3)
  const [triangles] = MeshoptSimplifier.simplify(mesh.triangles, mesh.positions, 3, target, errorNm, [
    'ErrorAbsolute',
    ...(border === 'kept' ? (['LockBorder'] as const) : []),
  ])
  return withoutUnused(mesh.positions, triangles)
}

function withoutUnused(positions: Float32Array, triangles: Uint32Array): Mesh {
  const used = new Uint32Array(positions.length / 3)
  for (const vertex of triangles) used[vertex] = 1
  let kept = 0
  for (let v = 0; v < used.length; v++) if (used[v] === 1) used[v] = kept++
  const left = new Float32Array(3 * kept)
  for (const vertex of triangles) {
    const to = 3 * used[vertex]!
    left[to] = positions[3 * vertex]!
    left[to + 1] = positions[3 * vertex + 1]!
    left[to + 2] = positions[3 * vertex + 2]!
  }
  return { positions: left, triangles: triangles.map(vertex => used[vertex]!) }
}
