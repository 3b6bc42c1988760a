// The parts of the skeleton kernel against their plain definitions: distances, ways, joining.

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { squaredDistances } from '../../../kernels/skeleton/distance.ts'
import { joinSkeletons } from '../../../kernels/skeleton/join.ts'
import type { Skeleton } from '../../../kernels/skeleton/skeleton.ts'
import { waysIn } from '../../../kernels/skeleton/ways.ts'
import type { Vec3 } from '../../../kernels/types.ts'
import { noise, randomNumbers } from './mesh-volumes.ts'

describe('squaredDistances', () => {
  it('equals the brute-force distance to another label, and ignores the layer around', () => {
    fc.assert(
      fc.property(
        fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 3, max: 9 }))),
        fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(1, 3, 2.5))),
        fc.integer(),
        fc.constantFrom(0.02, 0.2, 0.7),
        (shape, spacing, seed, other) => {
          const [sx, sy, sz] = shape as unknown as Vec3
          const random = randomNumbers(seed)
          const labels = new Uint32Array(sx! * sy! * sz!).map(() => (random() < other ? Math.floor(random() * 3) : 3))
          const found = squaredDistances(labels, [sx!, sy!, sz!], spacing as unknown as Vec3)
          const inside: number[][] = []
          for (let z = 1; z < sz! - 1; z++) {
            for (let y = 1; y < sy! - 1; y++) for (let x = 1; x < sx! - 1; x++) inside.push([x, y, z])
          }
          const at = (p: number[]) => p[0]! + sx! * (p[1]! + sy! * p[2]!)
          for (const p of inside) {
            let least = labels[at(p)] === 0 ? 0 : 1e18
            for (const q of inside) {
              if (labels[at(q)] === labels[at(p)]) continue
              least = Math.min(
                least,
                p.reduce((sum, v, axis) => sum + ((v - q[axis]!) * spacing[axis]!) ** 2, 0),
              )
            }
            expect(found[at(p)]).toBe(Math.fround(least))
          }
        },
      ),
      { numRuns: 100 },
    )
  })
})

/** A connected graph whose edges have the lengths 3, 5 and 8, cheap and dear nodes, and nodes where searches end. */
const wayGraph = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer()).map(([count, seed]) => {
  const random = randomNumbers(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const lists = Array.from({ length: count }, () => new Map<number, number>())
  for (let i = 1; i < 3 * count; i++) {
    const [a, b, k] = i < count ? [i, below(i), below(3)] : [below(count), below(count), below(3)]
    if (a === b || lists[a]!.has(b)) continue
    lists[a]!.set(b, k)
    lists[b]!.set(a, k)
  }
  const edges = lists.map(list => Array.from(list, ([other, k]) => (other << 5) | k))
  const edgesAt = Uint32Array.from({ length: count + 1 }, (_, i) => edges.slice(0, i).flat().length)
  const graph = { edges: Uint32Array.from(edges.flat()), edgesAt, lengths: Uint32Array.of(3, 5, 8) }
  return { graph, lists, costs: Array.from(lists, () => 1 + below(2) * below(9)), below }
})

describe('waysIn', () => {
  it('finds the cheapest way to the nearest end, and covers what lies in balls', () => {
    fc.assert(
      fc.property(wayGraph, ({ graph, lists, costs, below }) => {
        const count = costs.length
        /** Bellman and Ford: of every node the least of what it starts with and what neighbours hand on. */
        const settled = (start: number[], handed: (from: number, value: number, to: number, k: number) => number) => {
          const value = [...start]
          for (let round = 0; round < count; round++)
            for (const [node, list] of lists.entries())
              for (const [other, k] of list)
                value[other] = Math.min(value[other]!, handed(node, value[node]!, other, graph.lengths[k]!))
          return value
        }
        const found = waysIn(graph, count)
        found.cost.set(costs)
        const from = below(count)
        const paid = settled(
          costs.map((_, i) => (i === from ? 0 : Infinity)),
          (_, value, to, length) => value + length * costs[to]!,
        )
        /** What the way costs that the last search found to a node, and its length. */
        const walked = (node: number): [cost: number, length: number] => {
          if (node === from) return [0, 0]
          const [cost, length] = walked(found.parent[node]!)
          const step = graph.lengths[lists[node]!.get(found.parent[node]!)!]!
          return [cost + step * costs[node]!, length + step]
        }
        expect(found.search(from)).toBe(-1)
        for (let i = 0; i < count; i++) expect(walked(i)).toEqual([paid[i], found.length[i]])
        const ends = Array.from({ length: 1 + below(3) }, () => below(count))
        for (const end of ends) found.ends[end] = 7
        const met = found.search(from)
        expect(ends).toContain(met)
        expect(walked(met)[0]).toBe(Math.min(...ends.map(end => paid[end]!)))
        const radii = ends.map(() => below(30))
        found.cover(ends, radii)
        const most = costs.map((_, i) => Math.max(-1, ...ends.map((end, j) => (end === i ? radii[j]! : -1))))
        const left = settled(
          most.map(radius => -1 - radius),
          (_, value, _to, length) => value + length,
        )
        expect([...found.covered]).toEqual(left.map(value => Math.max(0, -value)))
      }),
    )
  })
})

/** A graph on the integer points of a small cube, so that pieces often share vertices. */
const piece: fc.Arbitrary<Skeleton> = fc
  .tuple(fc.uniqueArray(fc.integer({ min: 0, max: 26 }), { minLength: 1, maxLength: 9 }), fc.integer())
  .map(([points, seed]) => {
    const random = randomNumbers(seed)
    const ends = points.flatMap((_, i) => (i > 0 && random() < 0.8 ? [Math.floor(random() * i), i] : []))
    return {
      vertices: Float32Array.from(points.flatMap(p => [p % 3, Math.floor(p / 3) % 3, Math.floor(p / 9)])),
      edges: Uint32Array.from(ends),
      radii: Float32Array.from(points, () => 1 + Math.floor(random() * 4)),
    }
  })

const keyOf = (skeleton: Skeleton, v: number) => String([...skeleton.vertices.subarray(3 * v, 3 * v + 3)])

/** Which points hang together, as a list of sorted lists. */
function parts(pieces: readonly Skeleton[]): string[] {
  const group = new Map<string, Set<string>>()
  for (const one of pieces) {
    for (let v = 0; v < one.radii.length; v++) {
      const key = keyOf(one, v)
      if (!group.has(key)) group.set(key, new Set([key]))
    }
    for (let e = 0; e < one.edges.length; e += 2) {
      const [a, b] = [group.get(keyOf(one, one.edges[e]!))!, group.get(keyOf(one, one.edges[e + 1]!))!]
      if (a === b) continue
      for (const key of b) group.set(key, a.add(key))
    }
  }
  return [...new Set(group.values())].map(set => [...set].sort().join(' ')).sort()
}

describe('joinSkeletons', () => {
  it('keeps what hangs together, drops cycles, and does not depend on the order of the pieces', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.infiniteStream(fc.nat()), (pieces, keys) => {
        const joined = joinSkeletons(pieces)
        const together = parts([joined])
        expect(together).toEqual(parts(pieces))
        const points = Array.from(joined.radii, (_, v) => keyOf(joined, v))
        expect(new Set(points).size).toBe(points.length)
        expect(joined.edges.length / 2).toBe(points.length - together.length)
        const shuffled = pieces
          .map(one => ({ one, key: keys.next().value! }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one)
        expect(joinSkeletons(shuffled)).toEqual(joined)
        expect(joinSkeletons([joined])).toEqual(joined)
      }),
    )
  })

  it('gives a common vertex the smaller radius and drops the longest edge of a cycle', () => {
    const at = (points: number[][], radii: number[], edges: number[]): Skeleton => ({
      vertices: Float32Array.from(points.flat()),
      edges: Uint32Array.from(edges),
      radii: Float32Array.from(radii),
    })
    const left = at([[0, 0, 0], [1, 0, 0], [0, 3, 0]], [5, 6, 7], [0, 1, 0, 2]) // prettier-ignore
    const right = at([[1, 0, 0], [0, 3, 0]], [8, 2], [0, 1]) // prettier-ignore
    const joined = joinSkeletons([left, right])
    expect([...joined.vertices]).toEqual([0, 0, 0, 1, 0, 0, 0, 3, 0])
    expect([...joined.radii]).toEqual([5, 6, 2])
    expect([...joined.edges]).toEqual([0, 1, 0, 2])
  })
})

describe('the test volumes', () => {
  it('hold every label', () => {
    expect(new Set(noise([6, 6, 6], 3).labels).size).toBe(5)
  })
})
