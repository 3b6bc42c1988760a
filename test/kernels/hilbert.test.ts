// The Hilbert curve: every cell once, steps to a neighbour only, and rows in its order.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { hilbertKey, hilbertOrder } from '../../kernels/hilbert.ts'

it('visits every cell of a cube once and goes from each to one that shares a face', () => {
  const n = 8
  const cells: { key: number; at: number[] }[] = []
  for (let z = 0; z < n; z++)
    for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) cells.push({ key: hilbertKey(x, y, z), at: [x, y, z] })
  cells.sort((a, b) => a.key - b.key)
  expect(cells.map(c => c.key)).toEqual(cells.map((_, i) => i))
  for (let i = 1; i < cells.length; i++)
    expect(cells[i]!.at.reduce((s, c, a) => s + Math.abs(c - cells[i - 1]!.at[a]!), 0)).toBe(1)
})

it('orders rows by key whatever their number, beyond 17 bits by the upper ones', () => {
  const axis = fc.double({ min: 0, max: 2 ** 19, noNaN: true })
  fc.assert(
    fc.property(fc.array(fc.tuple(axis, axis, axis), { maxLength: 40 }), points => {
      const [x, y, z] = [0, 1, 2].map(a => Float64Array.from(points, p => p[a]!)) as [
        Float64Array,
        Float64Array,
        Float64Array,
      ]
      const order = hilbertOrder(x, y, z)
      expect([...order].sort((a, b) => a - b)).toEqual(points.map((_, i) => i))
      const most = Math.max(0, ...x, ...y, ...z)
      let unit = 1
      while (Math.floor(most) >= unit * 2 ** 17) unit *= 2
      const keys = Array.from(order, i =>
        hilbertKey(...(points[i]!.map(c => Math.floor(c / unit)) as [number, number, number])),
      )
      expect(keys).toEqual(keys.toSorted((a, b) => a - b))
      expect(hilbertKey(2 ** 17 - 1, 0, 0)).toBe(2 ** 51 - 1)
    }),
  )
})
