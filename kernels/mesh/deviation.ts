// Where a simplified surface lies too far from the full one: which vertices it must keep.
import { startsOf } from '../arrays.ts'
import type { Mesh } from './simplify.ts'

const NONE = 0xffffffff

/**
 * Marks in `keep` (one byte per vertex) vertices near those from which no triangle of a simplification was found within `distance`
 * (nm); `simplified` are its triangles, between vertices of the mesh. A triangle of kept vertices stays, and its vertices with it, so
 * whoever simplifies again until this returns false comes to an end.
 *
 * Only triangles around the nearest remaining vertex along the surface are looked at, and around their corners: a vertex that is
 * called too far may be near enough to others, one that is not is near enough. @returns whether it has marked any
 */
export function keepDistant(keep: Uint8Array, mesh: Mesh, simplified: Uint32Array, distance: number): boolean {
  const { positions, triangles } = mesh
  const limit = distance * distance
  const { nearest, reach } = nearestLeft(mesh, simplified, limit)
  const distant = new Uint8Array(reach.length)
  const around = trianglesAt(reach.length, simplified)
  for (let v = 0; v < reach.length; v++)
    if (reach[v]! > limit && (nearest[v] === NONE || !within(v, nearest[v]!, true))) distant[v] = 1
  let marked = false
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t]!, triangles[t + 1]!, triangles[t + 2]!]
    // Not two triangles side by side: the first may be enough for the vertices around it.
    if ((distant[a]! | distant[b]! | distant[c]!) !== 1 || (keep[a]! & keep[b]! & keep[c]!) === 1) continue
    keep[a] = keep[b] = keep[c] = 1
    distant[a] = distant[b] = distant[c] = 2
    marked = true
  }
  return marked

  function within(v: number, at: number, further: boolean): boolean {
    for (let i = around.start[at]!; i < around.start[at + 1]!; i++) {
      const t = around.triangle[i]!
      if (toTriangle(positions, v, simplified[t]!, simplified[t + 1]!, simplified[t + 2]!) <= limit) return true
    }
    if (!further) return false
    for (let i = around.start[at]!; i < around.start[at + 1]!; i++)
      for (let k = 0, t = around.triangle[i]!; k < 3; k++) if (within(v, simplified[t + k]!, false)) return true
    return false
  }
}

/** For each vertex one that is left and near it, and the squared distance; handed on along the triangles, there and back, to where none is near enough. */
function nearestLeft({ positions, triangles }: Mesh, simplified: Uint32Array, limit: number) {
  const nearest = new Uint32Array(positions.length / 3).fill(NONE)
  const reach = new Float32Array(nearest.length).fill(Infinity)
  for (let i = 0; i < simplified.length; i++) {
    const v = simplified[i]!
    nearest[v] = v
    reach[v] = 0
  }
  const hand = (from: number, to: number): void => {
    const offer = nearest[from]!
    if (offer === nearest[to]! || offer === NONE) return
    const length = squared(positions, to, offer)
    if (length >= reach[to]!) return
    nearest[to] = offer
    reach[to] = length
  }
  for (const forward of [true, false])
    for (let i = 0; i < triangles.length; i += 3) {
      const t = forward ? i : triangles.length - 3 - i
      const [a, b, c] = [triangles[t]!, triangles[t + 1]!, triangles[t + 2]!]
      if (reach[a]! > limit) {
        hand(b, a)
        hand(c, a)
      }
      if (reach[b]! > limit) {
        hand(a, b)
        hand(c, b)
      }
      if (reach[c]! > limit) {
        hand(a, c)
        hand(b, c)
      }
    }
  return { nearest, reach }
}

/** The triangles at each vertex: `triangle[start[v] .. start[v + 1])` are their first places. */
function trianglesAt(vertices: number, triangles: Uint32Array): { start: Uint32Array; triangle: Uint32Array } {
  const count = new Uint32Array(vertices)
  for (const v of triangles) count[v]!++
  const start = startsOf(count)
  const next = start.slice()
  const triangle = new Uint32Array(triangles.length)
  for (let i = 0; i < triangles.length; i++) triangle[next[triangles[i]!]!++] = i - (i % 3)
  return { start, triangle }
}

const squared = (p: Float32Array, u: number, v: number): number =>
  (p[3 * u]! - p[3 * v]!) ** 2 + (p[3 * u + 1]! - p[3 * v + 1]!) ** 2 + (p[3 * u + 2]! - p[3 * v + 2]!) ** 2

/** Squared distance from vertex `v` to the triangle of the vertices `a`, `b` and `c`. */
function toTriangle(p: Float32Array, v: number, a: number, b: number, c: number): number {
  const [ax, ay, az] = [p[3 * a]!, p[3 * a + 1]!, p[3 * a + 2]!]
  const [ux, uy, uz] = [p[3 * b]! - ax, p[3 * b + 1]! - ay, p[3 * b + 2]! - az]
  const [wx, wy, wz] = [p[3 * c]! - ax, p[3 * c + 1]! - ay, p[3 * c + 2]! - az]
  const [x, y, z] = [p[3 * v]! - ax, p[3 * v + 1]! - ay, p[3 * v + 2]! - az]
  const [uu, uw, ww] = [ux * ux + uy * uy + uz * uz, ux * wx + uy * wy + uz * wz, wx * wx + wy * wy + wz * wz]
  const [xu, xw] = [x * ux + y * uy + z * uz, x * wx + y * wy + z * wz]
  /** From a + s u + r w. */
  const to = (s: number, r: number): number =>
    (x - s * ux - r * wx) ** 2 + (y - s * uy - r * wy) ** 2 + (z - s * uz - r * wz) ** 2
  const area = uu * ww - uw * uw
  const [s, r] = [(ww * xu - uw * xw) / area, (uu * xw - uw * xu) / area]
  if (s >= 0 && r >= 0 && s + r <= 1) return to(s, r)
  const [onU, onW] = [clamped(xu / uu), clamped(xw / ww)]
  const across = clamped((xw - xu + uu - uw) / (uu - 2 * uw + ww))
  return Math.min(to(onU, 0), to(0, onW), to(1 - across, across))
}

/** To 0 .. 1; 0 for what is no number, as along a side of no length. */
const clamped = (share: number): number => (share > 0 ? Math.min(share, 1) : 0)
