// Ids and merge tables: the layout of domain/ids.ts, and slices that follow a path of merges.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { blockOf } from '../../domain/ids.ts'
import { MAX_BLOCK_COORD, MAX_LOCAL, supervoxelId } from './ids.ts'
import { blockCoordinate, globalIds, mergeTableSlice, relabelVolume } from '../../kernels/segmentation/relabel.ts'

const coord = fc.integer({ min: 0, max: MAX_BLOCK_COORD })

describe('ids', () => {
  test('are those of the domain', () => {
    fc.assert(
      fc.property(fc.tuple(coord, coord, coord), fc.integer({ min: 0, max: 40 }), (block, count) => {
        const ids = globalIds(block, count)
        expect(ids[0]).toBe(0n)
        expect(ids.length).toBe(count + 1)
        for (let i = 1; i <= count; i++) {
          expect(ids[i]).toBe(supervoxelId(block, i))
          expect([0, 1, 2].map(a => blockCoordinate(ids[i]!, a))).toEqual(blockOf(ids[i]!))
        }
      }),
    )
  })

  test('that do not fit are refused', () => {
    expect(globalIds([0, 0, 1], MAX_LOCAL)[MAX_LOCAL]).toBe(supervoxelId([0, 0, 1], MAX_LOCAL))
    expect(() => globalIds([0, 0, 0], MAX_LOCAL + 1)).toThrow(RangeError)
    expect(() => globalIds([0, MAX_BLOCK_COORD + 1, 0], 1)).toThrow(RangeError)
  })
})

describe('tables', () => {
  test('a slice follows the merges from the leaf to the root, level by level', () => {
    const ids = BigUint64Array.of(5n, 2n ** 60n + 6n, 7n, 8n)
    const leaf = { from: BigUint64Array.of(2n ** 60n + 6n), to: BigUint64Array.of(5n) }
    const root = { from: BigUint64Array.of(5n, 8n), to: BigUint64Array.of(1n, 2n) }
    expect([...mergeTableSlice({ ids, path: [leaf, root] }).to]).toEqual([1n, 1n, 7n, 2n])
    expect([...mergeTableSlice({ ids, path: [] }).to]).toEqual([...ids])
  })

  test('a volume takes the ids of its labels, high halves too', () => {
    expect([...relabelVolume(Uint32Array.of(0, 2, 1, 2), BigUint64Array.of(0n, 2n ** 63n + 1n, 3n))]).toEqual([
      0n,
      3n,
      2n ** 63n + 1n,
      3n,
    ])
  })
})
