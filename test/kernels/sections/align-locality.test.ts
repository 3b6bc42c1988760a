// What one section changes in the alignment dies out: sections far from it keep their fields byte for byte.
import { beforeAll, expect, test } from 'vitest'
import { PhantomSpec } from '../../../domain/run-file/phantom.ts'
import { renderSection } from '../../../kernels/sections/draw-section.ts'
import { phantomScene } from '../../../specimen/scene.ts'
import { phantomSection } from '../../../specimen/section.ts'
import { phantomSpecimen } from '../../../specimen/specimen.ts'
import type { SectionExtent, SectionImage, SectionPair } from '../../../kernels/sections/section-types.ts'
import {
  matchSections,
  solveAlignment,
  stitchSection,
  identityAlignment,
  type AlignedSection,
} from './section-kernels.ts'

const depth = 112
const middle = 56
/** Measured: 45, in either direction, with a section moved by pixels or left out. */
const reach = 50
const margin = 24
const size = 64
const spec = PhantomSpec.parse({
  size: [size, size, depth],
  seed: 5,
  tiles: { shape: [size, size], overlap: 0 },
  distortion: { rotationDeg: 0, jitterPx: 2 },
})

const images: SectionImage[] = []
const extents: SectionExtent[] = []
let pairs: SectionPair[]
let before: readonly AlignedSection[]

const matched = (a: number, b: number): SectionPair => ({ a, b, match: matchSections(images[a]!, images[b]!) })

beforeAll(() => {
  const scene = phantomScene(spec)
  for (let z = 0; z < depth; z++) {
    const box = { min: [-margin, -margin, z], max: [size + margin, size + margin, z + 1] } as const
    const [tile] = phantomSection(spec, z, { ...phantomSpecimen(spec, scene, box), box })
    const { row: _row, col: _col, ...image } = tile!
    const tiles = [{ ...image, name: 'only' }]
    const stitch = stitchSection(tiles)
    extents.push({ z, bounds: stitch.bounds, focus: stitch.focus })
    images.push(renderSection(tiles, stitch, stitch.bounds, 1))
  }
  pairs = images.flatMap((_, b) => [1, 2].filter(k => b >= k).map(k => matched(b - k, b)))
  before = solveAlignment(pairs, extents).sections
})

/** Distances from the middle of the sections whose field has other bytes. */
const changed = (after: readonly AlignedSection[]): number[] => {
  const bytes = (s: AlignedSection): string =>
    Buffer.from([s.field.dx, s.field.dy].flatMap(a => [...new Uint8Array(a.buffer)])).toString('hex')
  return after.flatMap((s, z) => (bytes(s) === bytes(before[z]!) ? [] : [Math.abs(z - middle)]))
}

test('the phantom is one that alignment has work with', () => {
  expect(before.filter(s => s.excluded)).toEqual([])
  const moved = before.filter(s => Math.max(...s.field.dx.map(Math.abs)) > 0.5)
  expect(moved.length).toBeGreaterThan(depth / 3)
  for (const { field } of before)
    for (const v of [...field.dx, ...field.dy]) expect(Number.isInteger(256 * v) && !Object.is(v, -0)).toBe(true)
})

test('an excluded section is named with its reason, and far sections keep their bytes', () => {
  const without = extents.map(e => (e.z === middle ? { ...e, excluded: 'knife mark' } : e))
  const after = solveAlignment(pairs, without).sections
  expect(after.filter(s => s.excluded).map(s => [s.z, s.source, s.excluded])).toEqual([
    [middle, middle - 1, 'knife mark'],
  ])
  const far = changed(after)
  expect(Math.max(...far)).toBeGreaterThan(0)
  expect(Math.max(...far)).toBeLessThan(reach)
})

test('a section that was imaged anew elsewhere: far sections keep their bytes', () => {
  const old = images[middle]!
  images[middle] = { ...old, x0: old.x0 + 2, y0: old.y0 - 1 }
  const again = pairs.map(p => (p.a === middle || p.b === middle ? matched(p.a, p.b) : p))
  images[middle] = old
  const far = changed(solveAlignment(again, extents).sections)
  expect(Math.max(...far)).toBeGreaterThan(4)
  expect(Math.max(...far)).toBeLessThan(reach)
})

test('without matches, too, an excluded section is shown by its neighbour', () => {
  const { sections } = identityAlignment([2, 0, 1], [{ z: 1, reason: 'torn' }])
  expect(sections.map(s => [s.z, s.source, s.excluded])).toEqual([
    [0, 0, undefined],
    [1, 0, 'torn'],
    [2, 2, undefined],
  ])
})

test('in slabs of any size the fields have the same bytes', () => {
  const bytes = (all: readonly AlignedSection[]): string[] =>
    all.map(({ field }) => Buffer.concat([field.dx, field.dy].map(a => Buffer.from(a.buffer))).toString('hex'))
  for (const own of [16, 37]) expect(bytes(solveAlignment(pairs, extents, own).sections)).toEqual(bytes(before))
  // Where a slab sees little of the sections around it, they do not.
  expect(bytes(solveAlignment(pairs, extents, 16, 8).sections)).not.toEqual(bytes(before))
})
