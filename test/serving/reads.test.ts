// Reads are counted by layer, mip and view, and the advice follows from them.
import { expect, test } from 'vitest'
import { bestScale, REQUEST_BYTES, viewCost, type Reads } from '../../domain/releases/read-cost.ts'
import { readCounter } from '../../serving/reads.ts'

test('requests, bytes and views by layer and mip; what holds no voxels is not counted', () => {
  const reads = readCounter()
  for (const [path, reader, at] of [
    ['em/0/1f.shard', 'a', 0],
    ['em/0/1f.shard', 'b', 100],
    ['em/0/20.shard', 'a', 900],
    ['em/0/20.shard', 'a', 1800],
    ['em/0/20.shard', 'a', 2900],
    ['em/1/0.shard', 'a', 2900],
    ['zarr/0/c/0/1/2', 'a', 3000],
    ['zarr/labels/segmentation/2/c/0/0/0', 'a', 3000],
    ['blurred.zarr/1/c/0/0/0', 'a', 3000],
    ['em/info', 'a', 3000],
    ['zarr/0/zarr.json', 'a', 3000],
    ['segmentation/mesh/0.shard', 'a', 3000],
  ] as const)
    reads.count('d/r', path, 10, reader, at)
  expect(reads.of('d/r')).toEqual([
    { layer: 'blurred.zarr', mip: 1, requests: 1, bytes: 10, views: 1 },
    { layer: 'em', mip: 0, requests: 5, bytes: 50, views: 3 },
    { layer: 'em', mip: 1, requests: 1, bytes: 10, views: 1 },
    { layer: 'zarr', mip: 0, requests: 1, bytes: 10, views: 1 },
    { layer: 'zarr/labels/segmentation', mip: 2, requests: 1, bytes: 10, views: 1 },
  ])
  expect(reads.of('d/other')).toEqual([])
})

const of = (layer: string, requests: number, bytes: number): Reads => ({ layer, mip: 0, requests, bytes, views: 1 })

test('many small chunks want to be larger, few large ones smaller; a view never needs less than one', () => {
  expect(bestScale([of('em', 64, 64 * 4000)])).toBe(1)
  expect(bestScale([of('em', 4, 4 * 2_000_000)])).toBe(-1)
  expect(bestScale([of('em', 1, 1000)])).toBe(0)
  expect(bestScale([])).toBe(0)
  expect(viewCost(of('em', 16, 16 * 1000), 0)).toBe(16 * (1000 + REQUEST_BYTES))
  // A plane crosses a quarter of chunks of twice the edge, a box holds an eighth of them.
  expect(viewCost(of('blurred.zarr', 16, 16 * 1000), 1)).toBe(viewCost(of('zarr', 16, 16 * 1000), 1))
  expect(viewCost(of('em', 16, 16 * 1000), 1)).toBe(4 * (8000 + REQUEST_BYTES))
  expect(viewCost(of('zarr/labels/segmentation', 16, 16 * 1000), 1)).toBe(2 * (8000 + REQUEST_BYTES))
  // A box costs the same bytes in chunks of any size: only the requests count.
  expect(bestScale([of('zarr', 8, 8 * 10_000_000)])).toBe(1)
})
