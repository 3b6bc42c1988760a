// Which subtrees a mark concerns: those whose page may list the artifact, and those above them; hardly any other.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellBox, key, map3, type Vec3 } from '../../domain/geometry.ts'
import { parseRunConfig, boxesNear } from '../../domain/config.ts'
import { checkExclude } from '../../domain/run-file/check.ts'
import { concerns, excluding, type DataMark } from '../../domain/plan/marks.ts'
import { BATCH, nodesBelow, regionGrid, sectionGrid, rootOf } from '../../domain/index/grid.ts'
import { gridOf } from '../../domain/index/phases.ts'
import { nodeKey } from '../../domain/index/tree.ts'

const region: Vec3 = [64, 64, 64]
const contextOf = (cells: Vec3) => ({ region, bounds: { min: [0, 0, 0] as Vec3, max: map3(a => cells[a] * 64 - 5) } })
const side = fc.integer({ min: 1, max: 9 })
const shapes = fc.tuple(side, side, side).chain(cells =>
  fc.record({
    cells: fc.constant(cells as Vec3),
    at: fc.tuple(...cells.map(n => fc.nat(n - 1))) as unknown as fc.Arbitrary<Vec3>,
  }),
)

test('of all subtrees of one level exactly one holds a region, a node of the tree, a section or a range of segments', () => {
  fc.assert(
    fc.property(shapes, fc.nat(3), fc.nat(3), ({ cells, at }, level, own) => {
      const context = contextOf(cells)
      const grid = regionGrid(context.bounds, region)
      const holding = (mark: Parameters<typeof concerns>[0], l: number): string[] =>
        nodesBelow(grid, rootOf(grid), Math.min(l, rootOf(grid).level))
          .filter(node => concerns(mark, { context, node }))
          .map(nodeKey)
      const l = Math.min(level, rootOf(grid).level)
      const above = key(map3(a => at[a] >> l))
      const box = cellBox(at, region, context.bounds)
      expect(holding({ stage: 'segment', extent: box }, l)).toEqual([`${l}/${above}`])
      const node = { node: key(map3(a => at[a] >> own)), level: own }
      expect(holding({ stage: 'agglomerate', extent: node }, l)).toEqual(own > l ? [] : [`${l}/${above}`])
      const sections = sectionGrid(context.bounds)
      const z = Math.min(context.bounds.max[2] - 1, at[2] * 64 + 7)
      for (const extent of [{ section: z }, { sections: [z] }, { min: [0, 0, z], max: [9, 9, z + 1] } as const])
        expect(
          nodesBelow(sections, rootOf(sections), 0)
            .filter(n => concerns({ stage: 'ingest', extent }, { context, node: n }))
            .map(n => n.coord[2]),
        ).toEqual([Math.floor(z / BATCH)])
      const ranges = gridOf('mesh-join', context)
      const of = ranges.cells[2]
      const range = (at[0] * 7 + at[1]) % of
      for (const l of [0, rootOf(ranges).level])
        expect(
          nodesBelow(ranges, rootOf(ranges), l).filter(node =>
            concerns({ stage: 'mesh-join', extent: { range, of } }, { context, node }),
          ),
        ).toEqual([{ level: l, coord: [0, 0, range >> l] }])
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

const mark = (id: string, what: DataMark['what'], at: string, reason = id): DataMark => ({
  id,
  dataset: 'd',
  what,
  reason,
  by: 'ann',
  at: `2026-01-0${at}T00:00:00.000Z`,
})
const box = (z: number, x = 0) => ({ min: [x, 0, z] as Vec3, max: [x + 5, 5, z + 5] as Vec3 })
const bounds = { min: [0, 0, 0] as Vec3, max: [64, 64, 64] as Vec3 }

test('a run leaves out what its file and the marks say: each once, in one order, nothing outside of the dataset', () => {
  const given = { sections: [{ section: 9, reason: 'file' }], boxes: [{ box: box(3), reason: 'file' }] }
  const marks = [
    mark('late', { section: 4 }, '2'),
    mark('early', { section: 4 }, '1'),
    mark('same', { section: 9 }, '1'),
    mark('outside', { section: 64 }, '1'),
    mark('box', { box: box(1) }, '1'),
    mark('same box', { box: box(3) }, '1'),
    mark('far box', { box: box(3, 64) }, '1'),
  ]
  const expected = {
    sections: [
      { section: 4, reason: 'early', mark: 'early' },
      { section: 9, reason: 'file' },
    ],
    boxes: [
      { box: box(1), reason: 'box', mark: 'box' },
      { box: box(3), reason: 'file' },
    ],
  }
  expect(excluding(given, marks, bounds)).toEqual(expected)
  expect(excluding(given, marks.toReversed(), bounds)).toEqual(expected)
  expect(excluding(expected, marks, bounds)).toEqual(expected)
  // Marks are in the coordinates of the source, and stay where they are should the dataset begin elsewhere later.
  const far = [
    mark('s', { section: 2431 }, '1'),
    mark('b', { box: box(2433, -80) }, '1'),
    mark('before', { section: 5 }, '1'),
  ]
  expect(excluding({ sections: [], boxes: [] }, far, bounds, [-80, 0, 2430])).toEqual({
    sections: [{ section: 1, reason: 's', mark: 's' }],
    boxes: [{ box: box(3), reason: 'b', mark: 'b' }],
  })
  // The file of an earlier run, and its marks lifted since.
  expect(excluding(expected, [], bounds)).toEqual(given)
})

const config = (exclude: unknown) =>
  parseRunConfig(
    { dataset: 'd', voxelSizeNm: [8, 8, 8], source: { phantom: { size: [64, 64, 64] } }, exclude },
    'run.yaml',
  )

test('a box concerns what it reaches into, and what its sections may fill', () => {
  const c = config({ boxes: [{ box: { min: [10, 10, 20], max: [20, 20, 22] }, reason: 'dirt' }] })
  const near = (min: Vec3, max: Vec3, reach: number) => boxesNear(c, { min, max }, reach).length
  expect(near([0, 0, 0], [64, 64, 20], 0)).toBe(0)
  expect(near([0, 0, 0], [64, 64, 20], 1)).toBe(1)
  expect(near([0, 0, 22], [64, 64, 30], 1)).toBe(1)
  expect(near([0, 0, 23], [64, 64, 30], 1)).toBe(0)
  expect(near([20, 0, 0], [64, 64, 64], 9)).toBe(0)
})

test('what a file excludes must be there, with a reason', () => {
  expect(() => checkExclude(config({ sections: [{ section: 64, reason: 'x' }] }).exclude, bounds)).toThrow(
    'exclude.sections.0.section: there is no section 64; they go from 0 to 63',
  )
  expect(() => checkExclude(config({ boxes: [{ box: box(62), reason: 'x' }] }).exclude, bounds)).toThrow(
    'exclude.boxes.0.box: z from 62 to 67 lies outside',
  )
  expect(() => config({ sections: [{ section: 1 }] })).toThrow('exclude.sections.0.reason')
})
