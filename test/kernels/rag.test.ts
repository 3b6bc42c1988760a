// The region adjacency graph: equal to counting voxel by voxel, each contact owned by one region, faces and sizes.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Vec3 } from '../../domain/geometry.ts'
import { cellBox, cellsIn } from '../../domain/geometry.ts'
import { regionGraph } from '../../kernels/segmentation/rag.ts'
import { cutRegion, naiveGraph, randomSpecimen } from './tree-run.ts'

describe('region adjacency graph', () => {
  test('regions together count every contact once, with sums, sizes and faces', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
        (seed, shape) => {
          const cell: Vec3 = [3, 2, 2]
          const s = randomSpecimen(seed, shape, cell, 2, [0, 7, 255])
          const bounds = { min: [0, 0, 0] as Vec3, max: shape }
          const found = new Map<string, [number, number]>()
          const size = new Map<bigint, number>()
          for (const coord of cellsIn(bounds, cell)) {
            const box = cellBox(coord, cell, bounds)
            const { edges, nodes } = regionGraph(cutRegion(s, box))
            edges.a.forEach((a, i) => {
              expect(a < edges.b[i]!).toBe(true)
              const key = `${a} ${edges.b[i]}`
              expect(found.has(key)).toBe(false)
              found.set(key, [edges.sum[i]!, edges.count[i]!])
            })
            expect([...edges.a]).toEqual([...edges.a].sort((p, q) => (p < q ? -1 : 1)))
            expect([...nodes.id]).toEqual([...nodes.id].sort((p, q) => (p < q ? -1 : 1)))
            const faces = new Map<bigint, number>()
            for (let z = box.min[2]; z < box.max[2]; z++)
              for (let y = box.min[1]; y < box.max[1]; y++)
                for (let x = box.min[0]; x < box.max[0]; x++) {
                  const id = s.ids[x + shape[0] * (y + shape[1] * z)]!
                  size.set(id, (size.get(id) ?? 0) + 1)
                  let bits = faces.get(id) ?? 0
                  ;[x, y, z].forEach((v, a) => {
                    if (v === box.min[a]) bits |= 1 << (2 * a)
                    if (v === box.max[a]! - 1) bits |= 2 << (2 * a)
                  })
                  faces.set(id, bits)
                }
            expect(new Map(Array.from(nodes.id, (id, i) => [id, nodes.faces[i]!]))).toEqual(faces)
            nodes.id.forEach((id, i) => expect(nodes.size[i]).toBe(size.get(id)))
          }
          const expected = new Map([...naiveGraph(s, [1, 1, 1], () => 0)].map(([k, e]) => [k, [e[2], e[3]]]))
          expect(found).toEqual(expected)
        },
      ),
      { numRuns: 120 },
    )
  })

  test('0 is nobody: no node, no contact', () => {
    const { edges, nodes } = regionGraph({
      labels: Uint32Array.of(1, 0, 2, 2),
      ids: BigUint64Array.of(99n, 8n, 3n),
      affinity: new Uint8Array(12).fill(200),
      shape: [4, 1, 1],
      low: [0, 0, 0],
    })
    expect(edges.a.length).toBe(0)
    expect([...nodes.id]).toEqual([3n, 8n])
    expect([...nodes.size]).toEqual([2, 1])
  })

  test('refuses arrays that do not fit the shape', () => {
    const request = {
      labels: new Uint32Array(8),
      ids: new BigUint64Array(1),
      affinity: new Uint8Array(24),
      low: [0, 0, 0] as const,
    }
    expect(() => regionGraph({ ...request, shape: [2, 2, 2] })).not.toThrow()
    expect(() => regionGraph({ ...request, shape: [2, 2, 3] })).toThrow(RangeError)
  })
})
