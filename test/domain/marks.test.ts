// Which places a mark concerns: those whose page may list the artifact, and those above them; hardly any other.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellBox, key, map3, type Vec3 } from '../../domain/geometry.ts'
import { concerns } from '../../domain/marks.ts'
import { BATCH, nodesBelow, regionGrid, sectionGrid, topSweep } from '../../domain/sweep.ts'
import { nodeKey } from '../../domain/tree.ts'

const region: Vec3 = [64, 64, 64]
const contextOf = (cells: Vec3) => ({ region, bounds: { min: [0, 0, 0] as Vec3, max: map3(a => cells[a] * 64 - 5) } })
const side = fc.integer({ min: 1, max: 9 })
const shapes = fc.tuple(side, side, side).chain(cells =>
  fc.record({
    cells: fc.constant(cells as Vec3),
    at: fc.tuple(...cells.map(n => fc.nat(n - 1))) as unknown as fc.Arbitrary<Vec3>,
  }),
)

test('of all places of one level exactly one holds a region, a node of the tree or a section', () => {
  fc.assert(
    fc.property(shapes, fc.nat(3), fc.nat(3), ({ cells, at }, level, own) => {
      const context = contextOf(cells)
      const grid = regionGrid(context.bounds, region)
      const holding = (mark: Parameters<typeof concerns>[0], l: number): string[] =>
        nodesBelow(grid, topSweep(grid), Math.min(l, topSweep(grid).level))
          .filter(node => concerns(mark, { context, node }))
          .map(nodeKey)
      const l = Math.min(level, topSweep(grid).level)
      const above = key(map3(a => at[a] >> l))
      const box = cellBox(at, region, context.bounds)
      expect(holding({ stage: 'segment', extent: box }, l)).toEqual([`${l}/${above}`])
      const node = { node: key(map3(a => at[a] >> own)), level: own }
      expect(holding({ stage: 'agglomerate', extent: node }, l)).toEqual(own > l ? [] : [`${l}/${above}`])
      const sections = sectionGrid(context.bounds)
      const z = Math.min(context.bounds.max[2] - 1, at[2] * 64 + 7)
      for (const extent of [{ section: z }, { sections: [z] }, { min: [0, 0, z], max: [9, 9, z + 1] } as const])
        expect(
          nodesBelow(sections, topSweep(sections), 0)
            .filter(n => concerns({ stage: 'ingest', extent }, { context, node: n }))
            .map(n => n.coord[2]),
        ).toEqual([Math.floor(z / BATCH)])
    }),
  )
})

test('a pair across two batches concerns both, and what is of the dataset everything', () => {
  const context = contextOf([1, 1, 2])
  const at = (z: number) => ({ context, node: { level: 0, coord: [0, 0, z] as Vec3 } })
  const pair = { stage: 'match', extent: { sections: [BATCH - 1, BATCH] } }
  expect([0, 1, 2].map(z => concerns(pair, at(z)))).toEqual([true, true, false])
  expect(concerns({ stage: 'align', extent: 'dataset' }, at(1))).toBe(true)
})
