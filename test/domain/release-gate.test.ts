// What a release is not published with: each limit by itself, and how a small dataset is told from a bad one.
import { expect, test } from 'vitest'
import { parseRunConfig } from '../../domain/config.ts'
import type { Hole, Release } from '../../domain/release.ts'
import { gateText, refusalsOf, type Counted } from '../../domain/releases/release-gate.ts'

const config = (more: object = {}) =>
  parseRunConfig(
    {
      dataset: 'd',
      voxelSizeNm: [8, 8, 8],
      source: { stack: 's.npy' },
      grid: { block: [64, 64, 64], region: [64, 64, 64] },
      ...more,
    },
    'run.yaml',
  )
const release = (holes: Hole[], quality: Release['quality'] = {}): Release =>
  ({ bounds: { min: [0, 0, 0], max: [256, 256, 100] }, holes, quality }) as unknown as Release
const thin: Release['bounds'] = { min: [0, 0, 0], max: [256, 256, 2] }
const good: Counted = { tiles: 400, segments: 50, grey: null }
const holes = (n: number, stage: string, what: (i: number) => string): Hole[] =>
  Array.from({ length: n }, (_, i) => ({ stage, what: what(i), reason: 'r' }))
const tiles = (n: number): Hole[] => holes(n, 'ingest', i => `section ${i} tile t`)
const sections = (n: number): Hole[] => holes(n, 'align', i => `section ${i}`)
const chunks = (n: number): Hole[] => holes(n, 'ingest', i => `box ${64 * i}-${64 * i + 64}_0-64_0-64`)
const blocks = (n: number): Hole[] => holes(n, 'affinity', i => `block ${i}_0_0`)
const regions = (n: number): Hole[] => holes(n, 'mesh', i => `region ${i}_0_0`)

test.each<[string, Release, Counted, RegExp | null]>([
  ['nothing wrong', release([]), good, null],
  ['as many holes as allowed', release([...tiles(21), ...sections(5), ...blocks(1)]), good, null],
  ['too many tiles', release(tiles(22)), good, /22 of 422 tiles are holes, release\.gate\.tileHoles allows 5 %/],
  ['too many sections', release(sections(6)), good, /6 of 100 sections are holes, release.gate.sectionHoles/],
  ['too many blocks', release(blocks(2)), good, /2 of 32 blocks of affinity are holes, release.gate.blockHoles/],
  ['a region', release(regions(1)), good, null],
  ['too many regions', release(regions(2)), good, /2 of 32 regions of mesh are holes, release.gate.blockHoles/],
  ['a chunk of a volume', release(chunks(1)), good, null],
  [
    'chunks of a volume',
    release(chunks(2)),
    good,
    /8 % of the volume are holes, release\.gate\.chunkHoles allows 5 % \(box 0-64/,
  ],
  ['a tile of few', release(tiles(1)), { ...good, tiles: 2 }, null],
  ['one section of two', { ...release(sections(1)), bounds: thin } as Release, good, /1 of 2 sections/],
  ['two tiles of few', release(tiles(2)), { ...good, tiles: 2 }, /2 of 4 tiles/],
  ['parts of one tile', release([...tiles(1), ...tiles(1)]), { ...good, tiles: 2 }, null],
  ['one grey value', release([]), { ...good, grey: 0 }, /every voxel of the EM is 0/],
  ['one segment', release([]), { ...good, segments: 1 }, /one segment in 32 blocks/],
  ['no segment', release([]), { ...good, segments: 0 }, /no segment/],
  ['no segmentation', release([]), { ...good, segments: null }, null],
])('%s', (_, r, counted, refusal) => {
  const found = refusalsOf(r, config(), counted)
  expect(found).toEqual(refusal ? [expect.stringMatching(refusal)] : [])
})

test('one segment in one block, and sections that somebody has left out, are no surprise', () => {
  const small = { ...release([]), bounds: { min: [0, 0, 0], max: [64, 50, 9] } } as Release
  expect(refusalsOf(small, config(), { ...good, segments: 1 })).toEqual([])
  const exclude = { sections: Array.from({ length: 20 }, (_, section) => ({ section, reason: 'knife' })) }
  expect(refusalsOf(release(sections(20)), config({ exclude }), good)).toEqual([])
})

test('limits come from the run file, and scores are held against it', () => {
  const gate = { voiSum: 1, arand: 0.1, tileHoles: 0.5 }
  const own = config({ release: { gate } })
  expect(refusalsOf(release(tiles(200), { voiSum: 0.9, arand: 0.2 }), own, good)).toEqual([
    'arand is 0.200, the gate allows 0.1',
  ])
  expect(refusalsOf(release([]), own, good)).toHaveLength(2)
  expect(gateText(own.release.gate)).toBe(
    'VOI 1, ARAND 0.1, holes 50 % of tiles, 5 % of a volume, 5 % of sections, 5 % of blocks',
  )
})
