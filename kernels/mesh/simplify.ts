// Fewer triangles for the surface of one segment, with the border towards neighbouring regions left as it is.

import { MeshoptSimplifier } from 'meshoptimizer/simplifier'
import { keepDistant } from './deviation.ts'

export interface Mesh {
  /** nm, x y z per vertex. */
  readonly positions: Float32Array
  /** Three vertex indices per triangle, anticlockwise seen from outside. */
  readonly triangles: Uint32Array
}

/** To be awaited before `simplifyMesh`. */
export const simplifierReady: Promise<void> = MeshoptSimplifier.ready

const NONE = new Float32Array()

/**
 * Collapses edges (quadric error metric of Garland & Heckbert 1997, by meshoptimizer) until `ratio` of the triangles
 * is left or the next collapse would move the surface by more than `errorNm`. Every vertex of the mesh lies within `errorNm` of the
 * result, whose vertices are some of them. Where `border` is `kept`, vertices and lines on open borders stay, so fragments of
 * neighbouring regions still fit. Keeps the order of the remaining vertices.
 */
export function simplifyMesh(mesh: Mesh, ratio: number, errorNm: number, border: 'kept' | 'free'): Mesh {
  const { positions, triangles } = mesh
  const target = 3 * Math.floor((ratio * triangles.length) / 3)
  const keep = new Uint8Array(positions.length / 3)
  // The library's error is a mean over all that a vertex stands for: tips draw back, and small pieces vanish. What is lost too far
  // is kept at the next attempt; half of the limit, since a triangle may lie further from the surface than the mean says.
  for (;;) {
    const [left] = MeshoptSimplifier.simplifyWithAttributes(
      triangles,
      positions,
      3,
      NONE,
      0,
      [],
      keep,
      target,
      errorNm / 2,
      border === 'kept' ? ['ErrorAbsolute', 'LockBorder'] : ['ErrorAbsolute'],
    )
    if (!keepDistant(keep, mesh, left, errorNm)) return withoutUnused(positions, left)
  }
}

function withoutUnused(positions: Float32Array, triangles: Uint32Array): Mesh {
  const place = new Uint32Array(positions.length / 3)
  for (let i = 0; i < triangles.length; i++) place[triangles[i]!] = 1
  let kept = 0
  for (let v = 0; v < place.length; v++) kept += place[v]!
  const left = new Float32Array(3 * kept)
  for (let v = 0, to = 0; v < place.length; v++) {
    if (place[v] === 0) continue
    place[v] = to
    for (let a = 0; a < 3; a++) left[3 * to + a] = positions[3 * v + a]!
    to++
  }
  for (let i = 0; i < triangles.length; i++) triangles[i] = place[triangles[i]!]!
  return { positions: left, triangles }
}
