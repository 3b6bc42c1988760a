// Connectivity: every synapse in one edge and in the counts of its two segments, whichever partner tables are sorted by.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { byPartner, partnersOf, type SynapsePairs } from '../../../kernels/graph.ts'

const id = fc.constantFrom(3n, 1n << 50n, (1n << 50n) + 1n, (1n << 63n) + 5n)
const synapse = fc.record({
  id: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
  pre: id,
  post: id,
  size: fc.nat(0xffffffff),
  score: fc.float({ min: 0, max: 1, noNaN: true }),
})
type Row = typeof synapse extends fc.Arbitrary<infer R> ? R : never
const tableOf = (list: readonly Row[]): SynapsePairs => ({
  id: BigUint64Array.from(list, s => s.id),
  pre: BigUint64Array.from(list, s => s.pre),
  post: BigUint64Array.from(list, s => s.post),
  size: Uint32Array.from(list, s => s.size),
  score: Float32Array.from(list, s => s.score),
})
const SEGMENTS = BigUint64Array.of(2n, 3n, 1n << 50n, (1n << 50n) + 1n, (1n << 63n) + 5n)

it('sorts synapses, sums those of each pair and counts those of each segment', () => {
  fc.assert(
    fc.property(fc.uniqueArray(synapse, { selector: s => s.id, maxLength: 30 }), list => {
      const scores = new Map<string, number>()
      for (const [first, second] of [
        ['pre', 'post'],
        ['post', 'pre'],
      ] as const) {
        const { rows, edges } = byPartner(tableOf(list), first)
        const order = list.toSorted((a, b) => {
          const by = ([first, second, 'id'] as const).find(k => a[k] !== b[k])!
          return a[by] < b[by] ? -1 : 1
        })
        expect(rows).toEqual(tableOf(order))
        expect(edges.count.reduce((a, b) => a + b, 0)).toBe(list.length)
        const names = Array.from(edges.pre, (pre, i) => ({ pre, post: edges.post[i]! }))
        expect(names).toEqual(
          order
            .filter((s, i) => order[i - 1]?.pre !== s.pre || order[i - 1]?.post !== s.post)
            .map(({ pre, post }) => ({ pre, post })),
        )
        names.forEach(({ pre, post }, i) => {
          const mine = list.filter(s => s.pre === pre && s.post === post)
          expect(edges.count[i]).toBe(mine.length)
          expect(edges.size[i]).toBe(mine.reduce((sum, s) => sum + s.size, 0))
          expect(edges.score[i]).toBeCloseTo(mine.reduce((sum, s) => sum + s.score, 0) / mine.length, 6)
          // The same bits from both sides.
          const name = `${pre} ${post}`
          expect(edges.score[i]).toBe(scores.get(name) ?? edges.score[i])
          scores.set(name, edges.score[i]!)
        })
        const { synapses, partners } = partnersOf(SEGMENTS, edges, first)
        SEGMENTS.forEach((segment, i) => {
          const mine = list.filter(s => s[first] === segment)
          expect(synapses[i]).toBe(mine.length)
          expect(partners[i]).toBe(new Set(mine.map(s => s[second])).size)
        })
      }
    }),
  )
})

it('refuses a synapse of a segment that is not listed', () => {
  const one = { count: Uint32Array.of(1) }
  const make = (pre: bigint, post: bigint, as: 'pre' | 'post') => () =>
    partnersOf(SEGMENTS, { pre: BigUint64Array.of(pre), post: BigUint64Array.of(post), ...one }, as)
  expect(make(3n, 7n, 'post')).toThrow(/segment 7,/)
  expect(make(7n, 3n, 'pre')).toThrow(RangeError)
  expect(make(3n, 7n, 'pre')).not.toThrow()
})
