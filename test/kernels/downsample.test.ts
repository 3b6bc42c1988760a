// Downsampling against the definition, cell by cell.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { downsampleMean, downsampleMode } from '../../kernels/downsample.ts'
import type { Vec3 } from '../../kernels/types.ts'

/** Wide ones have whole vectors in a row. */
const widths = fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 30, max: 100 }))
const shapes = fc.tuple(widths, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }))
const factors = fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2), fc.constantFrom(1, 2))

/** Places of the voxels of every cell, in raster order of cells and voxels. */
function cells(shape: Vec3, factor: Vec3): { out: Vec3; members: number[][] } {
  const out = shape.map((s, a) => Math.ceil(s / factor[a]!)) as unknown as Vec3
  const members: number[][] = Array.from({ length: out[0] * out[1] * out[2] }, () => [])
  let i = 0
  for (let z = 0; z < shape[2]; z++)
    for (let y = 0; y < shape[1]; y++)
      for (let x = 0; x < shape[0]; x++, i++) {
        const [u, v, w] = [x, y, z].map((c, a) => Math.floor(c / factor[a]!)) as [number, number, number]
        members[u + out[0] * (v + out[1] * w)]!.push(i)
      }
  return { out, members }
}

it('averages what each cell holds, half rounded up', () => {
  fc.assert(
    fc.property(shapes, factors, fc.infiniteStream(fc.integer({ min: 0, max: 255 })), (shape, factor, values) => {
      const data = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, () => values.next().value!)
      const { out, members } = cells(shape, factor)
      const made = downsampleMean(data, shape, factor)
      expect(made.shape).toEqual(out)
      const mean = members.map(m => Math.floor(m.reduce((sum, i) => sum + data[i]!, 0) / m.length + 0.5))
      expect([...made.data]).toEqual(mean)
    }),
    { numRuns: 300 },
  )
  expect([...downsampleMean(Uint8Array.of(1, 2), [2, 1, 1], [2, 1, 1]).data]).toEqual([2])
  expect([...downsampleMean(new Uint8Array(8).fill(255), [2, 2, 2], [2, 2, 2]).data]).toEqual([255])
})

it('takes the most frequent label, of equally frequent ones the first in raster order', () => {
  // Labels that agree in one half of their 64 bits, so that both halves have to be looked at.
  const few = [0n, 1n, 1n << 32n, (1n << 32n) + 1n, 5n << 50n]
  fc.assert(
    fc.property(shapes, factors, fc.infiniteStream(fc.constantFrom(...few)), (shape, factor, values) => {
      const labels = BigUint64Array.from({ length: shape[0] * shape[1] * shape[2] }, () => values.next().value!)
      const { out, members } = cells(shape, factor)
      const made = downsampleMode(labels, shape, factor)
      expect(made.shape).toEqual(out)
      const mode = members.map(m => {
        const count = (l: bigint): number => m.filter(i => labels[i] === l).length
        const ids = m.map(i => labels[i]!)
        return ids.reduce((best, l) => (count(l) > count(best) ? l : best))
      })
      expect([...made.data]).toEqual(mode)
    }),
    { numRuns: 300 },
  )
})

it('reads labels that start inside a buffer', () => {
  const labels = BigUint64Array.of(9n, 9n, 3n, 4n, 4n).subarray(2)
  expect([...downsampleMode(labels, [3, 1, 1], [2, 1, 1]).data]).toEqual([3n, 4n])
})
