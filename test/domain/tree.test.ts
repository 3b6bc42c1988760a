// Geometry of the grid and the region tree: every voxel has one owner at each level, and mips keep whole chunks.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellBox, cellsIn, key, map3, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import { blockOf } from '../../domain/ids.ts'
import { supervoxelId } from '../kernels/ids.ts'
import { childrenOf } from '../../domain/index/grid.ts'
import {
  mipBounds,
  mipFactor,
  nodeBox,
  nodeKey,
  nodesAt,
  openFaces,
  parentOf,
  rootLevel,
} from '../../domain/index/tree.ts'

const shape = (max: number) =>
  fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 1, max }))) as unknown as fc.Arbitrary<Vec3>
const regionShape = fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 24, max: 90 }))) as unknown as fc.Arbitrary<Vec3>
const boundsOf = (max: Vec3): Box => ({ min: [0, 0, 0], max })

test('the cells of a grid cover the dataset once', () => {
  fc.assert(
    fc.property(shape(200), regionShape, (max, cell) => {
      const bounds = boundsOf(max)
      const total = cellsIn(bounds, cell).reduce((n, c) => n + voxels(cellBox(c, cell, bounds)), 0)
      expect(total).toBe(voxels(bounds))
    }),
  )
})

test('every node but the root is the child of its parent, and one root covers all', () => {
  fc.assert(
    fc.property(shape(300), regionShape, (max, region) => {
      const bounds = boundsOf(max)
      const root = rootLevel(bounds, region)
      expect(nodesAt(root, region, bounds)).toEqual([[0, 0, 0]])
      expect(openFaces({ level: root, coord: [0, 0, 0] }, region, bounds)).toBe(0)
      for (let level = 0; level < root; level++)
        for (const coord of nodesAt(level, region, bounds)) {
          const node = { level, coord }
          expect(childrenOf(parentOf(node), region, bounds).map(nodeKey)).toContain(nodeKey(node))
        }
      const leaves = nodesAt(0, region, bounds)
      expect(leaves.reduce((n, c) => n + voxels(nodeBox({ level: 0, coord: c }, region, bounds)), 0)).toBe(
        voxels(bounds),
      )
    }),
  )
})

test('faces are open exactly where a neighbour is', () => {
  fc.assert(
    fc.property(shape(300), regionShape, (max, region) => {
      const bounds = boundsOf(max)
      const there = new Set(nodesAt(0, region, bounds).map(key))
      for (const c of nodesAt(0, region, bounds))
        for (let a = 0; a < 3; a++)
          for (const [bit, step] of [
            [1, -1],
            [2, 1],
          ] as const) {
            const next = map3(i => c[i] + (i === a ? step : 0))
            expect((openFaces({ level: 0, coord: c }, region, bounds) & (bit << (2 * a))) !== 0).toBe(
              there.has(key(next)),
            )
          }
    }),
  )
})

test('sections become isotropic before z is halved', () => {
  expect([0, 1, 2, 3, 4].map(l => mipFactor(l, [8, 8, 8]))).toEqual([
    [1, 1, 1],
    [2, 2, 2],
    [4, 4, 4],
    [8, 8, 8],
    [16, 16, 16],
  ])
  expect([1, 2, 3].map(l => mipFactor(l, [4, 4, 40]))).toEqual([
    [2, 2, 1],
    [4, 4, 1],
    [8, 8, 1],
  ])
  expect(mipBounds(boundsOf([5, 4, 3]), [2, 2, 2])).toEqual(boundsOf([3, 2, 2]))
})

test('an id names its block, up to the last one', () => {
  fc.assert(
    fc.property(
      fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 0, max: (1 << 14) - 1 }))),
      fc.integer({ min: 1, max: (1 << 22) - 1 }),
      (block, local) => {
        const id = supervoxelId(block as unknown as Vec3, local)
        expect(id).toBeLessThan(1n << 64n)
        expect(blockOf(id)).toEqual(block)
        expect(id & ((1n << 22n) - 1n)).toBe(BigInt(local))
      },
    ),
  )
})
