// A whole skeleton, smooth: its vertices come off the grid of voxels, so that a straight process has a straight skeleton.
import { joinSkeletons } from './join.ts'
import type { Skeleton } from './skeleton.ts'

/** Each time, a vertex goes half of the way to the mean of its neighbours: over about 6 vertices in all. */
const TIMES = 64
/** No vertex goes farther than this part of its distance to the boundary, so that none leaves its segment. */
const LEASH = 0.7

/** One skeleton of all pieces of a segment, smoothed along its branches; tips stay where they are. */
export function wholeSkeleton(pieces: readonly Skeleton[]): Skeleton {
  const { vertices, edges, radii } = joinSkeletons(pieces)
  const degree = new Uint32Array(radii.length)
  for (const v of edges) degree[v]!++
  const at = [0, 1, 2].map(axis => Float64Array.from(radii, (_, v) => vertices[3 * v + axis]!))
  const radius = Float64Array.from(radii)
  const sum = new Float64Array(radii.length)
  for (let time = 0; time < TIMES; time++) {
    for (const values of [...at, radius]) {
      sum.fill(0)
      for (let e = 0; e < edges.length; e += 2) {
        sum[edges[e]!]! += values[edges[e + 1]!]!
        sum[edges[e + 1]!]! += values[edges[e]!]!
      }
      for (let v = 0; v < sum.length; v++) if (degree[v]! > 1) values[v] = (values[v]! + sum[v]! / degree[v]!) / 2
    }
    for (let v = 0; v < radii.length; v++) {
      const near = (LEASH * radii[v]!) / 2
      // Most have hardly moved: no need of their exact way.
      if (at.every((values, axis) => Math.abs(values[v]! - vertices[3 * v + axis]!) < near)) continue
      const moved = at.map((values, axis) => values[v]! - vertices[3 * v + axis]!)
      const share = (LEASH * radii[v]!) / Math.hypot(...moved)
      if (share < 1) for (const axis of [0, 1, 2]) at[axis]![v] = vertices[3 * v + axis]! + share * moved[axis]!
    }
  }
  return { vertices: vertices.map((_, i) => at[i % 3]![Math.floor(i / 3)]!), edges, radii: Float32Array.from(radius) }
}
