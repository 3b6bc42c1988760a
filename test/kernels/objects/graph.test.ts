// Connectivity: every synapse in one edge and in the counts of its two segments.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { connectivity } from '../../../kernels/graph.ts'

const id = fc.constantFrom(3n, 1n << 50n, (1n << 50n) + 1n, (1n << 63n) + 5n)
const synapse = fc.record({
  pre: id,
  post: id,
  size: fc.nat(0xffffffff),
  score: fc.integer({ min: 0, max: 16 }).map(v => v / 16),
})
const sizes = {
  id: BigUint64Array.of(2n, 3n, 1n << 50n, (1n << 50n) + 1n, (1n << 63n) + 5n),
  voxels: Float64Array.of(2 ** 40, 1, 2, 3, 4),
}

it('sums the synapses of each pair, sorted, and counts those of each segment', () => {
  fc.assert(
    fc.property(fc.array(synapse, { maxLength: 30 }), list => {
      const { edges, segments } = connectivity(
        {
          pre: BigUint64Array.from(list, s => s.pre),
          post: BigUint64Array.from(list, s => s.post),
          size: Uint32Array.from(list, s => s.size),
          score: Float32Array.from(list, s => s.score),
        },
        sizes,
      )
      const names = Array.from(edges.pre, (p, i) => [p, edges.post[i]!] as const)
      for (let i = 1; i < names.length; i++) {
        const [a, b] = [names[i - 1]!, names[i]!]
        expect(a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])).toBe(true)
      }
      expect(edges.count.reduce((a, b) => a + b, 0)).toBe(list.length)
      names.forEach(([pre, post], i) => {
        const mine = list.filter(s => s.pre === pre && s.post === post)
        expect(edges.count[i]).toBe(mine.length)
        expect(edges.size[i]).toBe(mine.reduce((sum, s) => sum + s.size, 0))
        expect(edges.score[i]).toBeCloseTo(mine.reduce((sum, s) => sum + s.score, 0) / mine.length, 12)
      })
      expect(segments.id).toEqual(sizes.id)
      expect(segments.voxels).toEqual(sizes.voxels)
      segments.id.forEach((segment, i) => {
        expect(segments.outputs[i]).toBe(list.filter(s => s.pre === segment).length)
        expect(segments.inputs[i]).toBe(list.filter(s => s.post === segment).length)
      })
    }),
  )
})

it('refuses a synapse of a segment that is not listed', () => {
  const one = { size: Uint32Array.of(1), score: Float32Array.of(1) }
  const make = (pre: bigint, post: bigint) => () =>
    connectivity({ pre: BigUint64Array.of(pre), post: BigUint64Array.of(post), ...one }, sizes)
  expect(make(3n, 7n)).toThrow(/segment 7,/)
  expect(make(7n, 3n)).toThrow(RangeError)
})
