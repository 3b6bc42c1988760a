// The synapse table: parts put together and rows in another order, with ids that no double holds.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { rowsAt } from '../../kernels/arrays.ts'
import { concatTables, synapseLines, synapseRows, type SynapseColumns } from '../../activities/objects/synapse-table.ts'

const id = fc.oneof(
  fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n),
  fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
)
const row = fc.record({
  id,
  pre: id,
  post: id,
  at: fc.nat(1000),
  size: fc.nat(2 ** 32 - 1),
  score: fc.float({ noNaN: true }),
})
type Row = typeof row extends fc.Arbitrary<infer R> ? R : never

const tableOf = (rows: readonly Row[]): SynapseColumns => {
  const at = (add: number): Float64Array<ArrayBuffer> => Float64Array.from(rows, r => r.at + add)
  return {
    id: BigUint64Array.from(rows, r => r.id),
    pre: BigUint64Array.from(rows, r => r.pre),
    post: BigUint64Array.from(rows, r => r.post),
    x: at(0),
    y: at(1),
    z: at(2),
    preX: at(3),
    preY: at(4),
    preZ: at(5),
    postX: at(6),
    postY: at(7),
    postZ: at(8),
    size: Uint32Array.from(rows, r => r.size),
    score: Float32Array.from(rows, r => r.score),
  }
}

it('keeps every row whole', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(row, { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.nat()),
      (parts, keys) => {
        const all = parts.flat()
        const whole = concatTables(parts.map(tableOf))
        expect(whole).toEqual(tableOf(all))
        const order = all.map((_, i) => ({ i, key: keys.next().value! })).sort((a, b) => a.key - b.key || a.i - b.i)
        const taken = rowsAt(
          whole,
          Uint32Array.from(order, o => o.i),
        )
        const sorted = order.map(o => all[o.i]!)
        expect(taken).toEqual(tableOf(sorted))
        const columns = synapseRows(taken)
        expect(Object.keys(columns).slice(0, 7)).toEqual(['id', 'pre_segment', 'post_segment', 'x', 'y', 'z', 'pre_x'])
        expect(columns.post_z).toEqual(taken.postZ)
        expect(synapseLines(taken).map(l => [l.id, l.preSegment, l.post[2]])).toEqual(
          sorted.map(s => [s.id, s.pre, s.at + 8]),
        )
      },
    ),
  )
})
