// The joining of a segment's skeleton pieces from several regions into one skeleton.
import { concat, rootOf, startsOf } from '../arrays.ts'
import type { Skeleton } from './skeleton.ts'

/**
 * One skeleton of all pieces of a segment: vertices at equal coordinates become one, with the smaller radius (a region sees
 * only its own side of a face, so its distance can only be too large). Where pieces close a cycle, the longest edge
 * of it goes (minimum spanning forest, Kruskal 1956; of equal lengths the later in the order of the output).
 * Vertices are sorted by z, y, x and edges by their vertices, so the order of the pieces does not matter.
 */
export function joinSkeletons(pieces: readonly Skeleton[]): Skeleton {
  const all = concatenate(pieces)
  const order = Uint32Array.from(all.radii, (_, v) => v).sort((a, b) => compare(all.vertices, a, b))
  const place = new Uint32Array(order.length)
  const vertices = new Float32Array(all.vertices.length)
  const radii = new Float32Array(order.length)
  let count = 0
  for (const [i, v] of order.entries()) {
    if (i === 0 || compare(all.vertices, order[i - 1]!, v) !== 0) {
      vertices.set(all.vertices.subarray(3 * v, 3 * v + 3), 3 * count)
      radii[count++] = all.radii[v]!
    }
    place[v] = count - 1
    radii[count - 1] = Math.min(radii[count - 1]!, all.radii[v]!)
  }
  const welded = vertices.slice(0, 3 * count)
  return { vertices: welded, edges: spanningForest(welded, all.edges, place), radii: radii.slice(0, count) }
}

function concatenate(pieces: readonly Skeleton[]): Skeleton {
  const first = startsOf(pieces.map(p => p.radii.length))
  return {
    vertices: concat([new Float32Array(), ...pieces.map(p => p.vertices)]),
    edges: concat([new Uint32Array(), ...pieces.map((p, i) => p.edges.map(end => end + first[i]!))]),
    radii: concat([new Float32Array(), ...pieces.map(p => p.radii)]),
  }
}

/** Order of two vertices by z, then y, then x. */
function compare(vertices: Float32Array, a: number, b: number): number {
  return (
    vertices[3 * a + 2]! - vertices[3 * b + 2]! ||
    vertices[3 * a + 1]! - vertices[3 * b + 1]! ||
    vertices[3 * a]! - vertices[3 * b]!
  )
}

function spanningForest(vertices: Float32Array, edges: Uint32Array, place: Uint32Array): Uint32Array {
  const count = edges.length / 2
  const first = new Uint32Array(count)
  const second = new Uint32Array(count)
  const lengths = new Float64Array(count)
  for (let e = 0; e < count; e++) {
    const [a, b] = [place[edges[2 * e]!]!, place[edges[2 * e + 1]!]!]
    first[e] = Math.min(a, b)
    second[e] = Math.max(a, b)
    let squared = 0
    for (let axis = 0; axis < 3; axis++) squared += (vertices[3 * a + axis]! - vertices[3 * b + axis]!) ** 2
    lengths[e] = squared
  }
  const byVertices = (a: number, b: number) => first[a]! - first[b]! || second[a]! - second[b]!
  const order = Uint32Array.from(first, (_, e) => e).sort((a, b) => lengths[a]! - lengths[b]! || byVertices(a, b))
  const parent = Uint32Array.from({ length: vertices.length / 3 }, (_, v) => v)
  const kept = order.filter(e => {
    const [a, b] = [rootOf(parent, first[e]!), rootOf(parent, second[e]!)]
    if (a === b) return false
    parent[Math.max(a, b)] = Math.min(a, b)
    return true
  })
  return Uint32Array.from([...kept.sort(byVertices)].flatMap(e => [first[e]!, second[e]!]))
}
