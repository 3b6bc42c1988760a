// Sizes, boxes, centres and contacts of segments: equal to counting voxel by voxel, however a volume is cut into regions.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellBox, cellsIn, map3, shapeOf, type Vec3 } from '../../../domain/geometry.ts'
import { concat, type Column } from '../../../kernels/arrays.ts'
import { compactIds } from '../../../kernels/segmentation/compact-ids.ts'
import { measure, sumContacts, sumSegments } from '../../../kernels/segmentation/measure.ts'
import { cableLengths } from '../../../kernels/skeleton/cable.ts'

const IDS = [0n, 5n, 2n ** 53n + 1n, 2n ** 64n - 1n]
const ORIGIN = 100_000

const together = <T extends { readonly [K in keyof T]: Column }>(tables: readonly T[]): T =>
  Object.fromEntries((Object.keys(tables[0]!) as (keyof T)[]).map(k => [k, concat(tables.map(t => t[k]))])) as never

test('regions together hold every voxel and every face once', () => {
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
      fc.infiniteStream(fc.nat(3)),
      fc.constantFrom<Vec3>([3, 2, 2], [2, 5, 1], [8, 8, 8]),
      (shape, labels, cell) => {
        const volume = BigUint64Array.from({ length: shape[0] * shape[1] * shape[2] }, () => IDS[labels.next().value!]!)
        const at = (x: number, y: number, z: number): bigint => volume[x + shape[0] * (y + shape[1] * z)]!
        const bounds = { min: [0, 0, 0] as Vec3, max: shape as Vec3 }
        const parts = cellsIn(bounds, cell).map(coord => {
          const box = cellBox(coord, cell, bounds)
          const low = map3(a => (box.min[a] > 0 ? 1 : 0))
          const outer = { min: map3(a => box.min[a] - low[a]), max: box.max }
          const cut: bigint[] = []
          for (let z = outer.min[2]; z < outer.max[2]; z++)
            for (let y = outer.min[1]; y < outer.max[1]; y++)
              for (let x = outer.min[0]; x < outer.max[0]; x++) cut.push(at(x, y, z))
          const origin = map3(a => outer.min[a] + ORIGIN)
          return measure({ ...compactIds(BigUint64Array.from(cut)), shape: shapeOf(outer), low, origin })
        })
        const segments = sumSegments(together(parts.map(p => p.segments)))
        const contacts = sumContacts(together(parts.map(p => p.contacts)))

        const own = new Map<bigint, Vec3[]>()
        const faces = new Map<string, number[]>()
        for (const [x, y, z] of cellsIn(bounds, [1, 1, 1])) {
          const id = at(x, y, z)
          if (id === 0n) continue
          own.set(id, [...(own.get(id) ?? []), [x, y, z]])
          for (const [axis, [dx, dy, dz]] of (
            [
              [1, 0, 0],
              [0, 1, 0],
              [0, 0, 1],
            ] as const
          ).entries()) {
            const other = x >= dx && y >= dy && z >= dz ? at(x - dx, y - dy, z - dz) : 0n
            if (other === 0n || other === id) continue
            const name = id < other ? `${id} ${other}` : `${other} ${id}`
            const counts = faces.get(name) ?? [0, 0, 0]
            counts[axis]!++
            faces.set(name, counts)
          }
        }
        expect([...segments.id]).toEqual([...own.keys()].sort((a, b) => (a < b ? -1 : 1)))
        segments.id.forEach((id, i) => {
          const voxels = own.get(id)!
          expect(segments.voxels[i]).toBe(BigInt(voxels.length))
          for (const [a, axis] of (['x', 'y', 'z'] as const).entries()) {
            const values = voxels.map(v => v[a]! + ORIGIN)
            expect(segments[`${axis}Min`][i]).toBe(Math.min(...values))
            expect(segments[`${axis}Max`][i]).toBe(Math.max(...values))
            expect(segments[`${axis}Sum`][i]).toBe(BigInt(values.reduce((s, v) => s + v, 0)))
          }
        })
        const found = Array.from(contacts.a, (a, i): [string, number[]] => [
          `${a} ${contacts.b[i]}`,
          [contacts.x, contacts.y, contacts.z].map(c => Number(c[i])),
        ])
        expect(new Map(found)).toEqual(faces)
        expect(found.length).toBe(faces.size)
        const pairs = Array.from(contacts.a, (a, i) => [a, contacts.b[i]!] as const)
        expect(pairs).toEqual(pairs.toSorted((p, q) => (p[0] < q[0] || (p[0] === q[0] && p[1] < q[1]) ? -1 : 1)))
      },
    ),
  )
})

test('the cable of a skeleton is the length of its edges', () => {
  const vertices = Float32Array.of(0, 0, 0, 3, 4, 0, 3, 4, 12)
  expect([
    ...cableLengths([
      { vertices, edges: Uint32Array.of(0, 1, 1, 2) },
      { vertices: new Float32Array(), edges: new Uint32Array() },
    ]),
  ]).toEqual([17, 0])
})
