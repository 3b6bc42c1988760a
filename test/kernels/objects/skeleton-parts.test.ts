// The parts of the skeleton kernel against their plain definitions: distances, queue, joining.

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { squaredDistances } from '../../../kernels/skeleton/distance.ts'
import { joinSkeletons } from '../../../kernels/skeleton/join.ts'
import { RadixQueue } from '../../../kernels/skeleton/queue.ts'
import type { Skeleton } from '../../../kernels/skeleton/skeleton.ts'
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

describe('RadixQueue', () => {
  it('pops keys in order whatever is put between', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 1 << 26 }), fc.boolean()), { maxLength: 900 }), steps => {
        const queue = new RadixQueue()
        const waiting: number[] = []
        const popped = () => {
          const item = queue.pop()
          const least = Math.min(...waiting)
          expect(queue.key).toBe(least)
          expect(item % 1000).toBe(least % 1000)
          waiting.splice(waiting.indexOf(least), 1)
        }
        for (const [above, take] of steps) {
          const key = queue.key + above
          queue.put(key % 1000, key)
          waiting.push(key)
          if (take) popped()
          if (queue.key > 1 << 30) break
        }
        while (waiting.length > 0) popped()
        expect(queue.pop()).toBe(-1)
        queue.restart()
        queue.put(7, 3)
        expect([queue.pop(), queue.key]).toEqual([7, 3])
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
