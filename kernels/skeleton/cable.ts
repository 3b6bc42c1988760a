// How long the cable of a neuron is: the edges of its skeleton added up.
import type { Skeleton } from './skeleton.ts'

/** Length of each skeleton, in the unit of its vertices. */
export function cableLengths(skeletons: readonly Pick<Skeleton, 'vertices' | 'edges'>[]): Float64Array {
  return Float64Array.from(skeletons, ({ vertices, edges }) => {
    let length = 0
    for (let e = 0; e < edges.length; e += 2) {
      const [a, b] = [3 * edges[e]!, 3 * edges[e + 1]!]
      length += Math.hypot(
        vertices[a]! - vertices[b]!,
        vertices[a + 1]! - vertices[b + 1]!,
        vertices[a + 2]! - vertices[b + 2]!,
      )
    }
    return length
  })
}
