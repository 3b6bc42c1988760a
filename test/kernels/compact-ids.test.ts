// Dense indices and back: every voxel keeps its id, also above 2^53 and when ids share a half.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compactIds, mapIds } from '../../kernels/segmentation/compact-ids.ts'

const id = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: 5n }),
  fc.constantFrom(1n << 32n, 1n << 63n, (1n << 63n) + 1n),
)

test('indices give the ids back, in ascending order', () => {
  fc.assert(
    fc.property(fc.array(id, { maxLength: 300 }), values => {
      const volume = BigUint64Array.from(values)
      const { labels, ids } = compactIds(volume)
      expect([...labels].map(l => ids[l])).toEqual(values)
      expect([...ids]).toEqual([...new Set([0n, ...values])].sort((a, b) => (a < b ? -1 : 1)))
    }),
  )
})

test('mapping is the mapping', () => {
  fc.assert(
    fc.property(fc.array(id, { maxLength: 300 }), values => {
      const from = BigUint64Array.from([...new Set(values)].filter(v => v !== 0n))
      const to = from.map((v, i) => (v ^ 0x123456789abcdefn) + BigInt(i))
      const table = new Map([...from].map((v, i) => [v, to[i]!]))
      expect([...mapIds(BigUint64Array.from(values), from, to)]).toEqual(values.map(v => table.get(v) ?? 0n))
    }),
  )
  expect(() => mapIds(BigUint64Array.of(5n), BigUint64Array.of(), BigUint64Array.of())).toThrow(
    'id 5 is not in the table',
  )
})
