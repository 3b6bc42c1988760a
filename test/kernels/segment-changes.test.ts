// What became of each segment: told from the boxes that differ alone, it is what a look at every voxel says.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countIds } from '../../kernels/segmentation/compact-ids.ts'
import { contingency, mergeContingency } from '../../kernels/metrics.ts'
import { addSizes, segmentChanges } from '../../kernels/segmentation/segment-changes.ts'
import type { SegmentChanges } from '../../kernels/segmentation/segmentation-types.ts'

/** As the kernel is used: only over the boxes whose labels differ. */
function told(before: readonly bigint[][], after: readonly bigint[][]): SegmentChanges {
  const boxes = before.map((_, i) => i).filter(i => before[i]!.some((v, k) => v !== after[i]![k]))
  const of = (list: readonly bigint[][], i: number) => BigUint64Array.from(list[i]!)
  return segmentChanges(
    mergeContingency(boxes.map(i => contingency(of(before, i), of(after, i)))),
    addSizes(boxes.map(i => countIds(of(before, i)))),
    addSizes(boxes.map(i => countIds(of(after, i)))),
    addSizes(before.map((_, i) => countIds(of(before, i)))),
  )
}

/** By definition, from every voxel. */
function defined(before: readonly bigint[], after: readonly bigint[]): SegmentChanges {
  const ids = (list: readonly bigint[]) => [...new Set(list)].filter(v => v !== 0n).sort((a, b) => (a < b ? -1 : 1))
  const into = (a: bigint) => ids(after.filter((_, i) => before[i] === a))
  const from = (b: bigint) => ids(before.filter((_, i) => after[i] === b))
  return {
    split: ids(before).flatMap(a => (into(a).length > 1 ? [{ segment: a, into: into(a) }] : [])),
    merged: ids(after).flatMap(b => (from(b).length > 1 ? [{ segment: b, from: from(b) }] : [])),
    gone: ids(before).filter(a => into(a).length === 0),
    fresh: ids(after).filter(b => from(b).length === 0),
    renamed: ids(before).flatMap(a => {
      const [b, ...more] = into(a)
      return b !== undefined && b !== a && more.length === 0 && from(b).length === 1 ? [{ segment: a, to: b }] : []
    }),
  }
}

const label = fc.bigInt({ min: 0n, max: 6n }).map(v => (v > 3n ? (1n << 50n) + v : v))
const box = fc.array(label, { minLength: 6, maxLength: 6 })

test('the same as by definition, whichever boxes are unchanged', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(box, box, fc.boolean()), { minLength: 1, maxLength: 4 }), parts => {
      const before = parts.map(([a]) => a)
      const after = parts.map(([a, b, same]) => (same ? a : b))
      expect(told(before, after)).toEqual(defined(before.flat(), after.flat()))
    }),
    { numRuns: 300 },
  )
})

test('by example: one is split, two are merged, one is new, one is gone, one has another id', () => {
  expect(told([[1n, 1n, 2n, 3n, 0n, 5n, 6n]], [[1n, 9n, 2n, 2n, 4n, 0n, 7n]])).toEqual({
    split: [{ segment: 1n, into: [1n, 9n] }],
    merged: [{ segment: 2n, from: [2n, 3n] }],
    gone: [5n],
    fresh: [4n],
    renamed: [{ segment: 6n, to: 7n }],
  })
  // One that goes on in a box that is the same is neither gone nor under another id.
  const other = [8n, 1n, 6n]
  expect(told([[5n, 6n, 8n], other], [[0n, 7n, 8n], other])).toMatchObject({
    gone: [5n],
    split: [{ segment: 6n, into: [6n, 7n] }],
    renamed: [],
  })
})
