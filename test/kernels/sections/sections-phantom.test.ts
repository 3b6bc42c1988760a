// The whole chain on the phantom, defects and all: the aligned stack shows the specimen where the specimen is.
import { beforeAll, describe, expect, test } from 'vitest'
import { PhantomSpec } from '../../../domain/run-file/phantom.ts'
import { renderSection } from '../../../kernels/sections/draw-section.ts'
import { phantomScene } from '../../../specimen/scene.ts'
import { phantomSection } from '../../../specimen/section.ts'
import { phantomSpecimen } from '../../../specimen/specimen.ts'
import type { SectionStitch, SectionTile } from '../../../kernels/sections/section-types.ts'
import {
  matchSections,
  renderSlab,
  solveAlignment,
  stitchSection,
  identityAlignment,
  type Alignment,
} from './section-kernels.ts'

const [width, height, depth] = [208, 160, 16]
const area = width * height
const margin = 48
const spec = PhantomSpec.parse({
  size: [width, height, depth],
  seed: 3,
  tiles: { shape: [120, 96], overlap: 32 },
  defects: [
    { kind: 'missing', section: 5, tile: 'r0c1' },
    { kind: 'blur', section: 10 },
  ],
})

const em = new Uint8Array(area * depth)
const sections: SectionTile[][] = []
const stitches: SectionStitch[] = []
let alignment: Alignment
let plain: Uint8Array
let aligned: Uint8Array

const rendered = (a: Alignment): Uint8Array => {
  const slabs = a.sections
    .filter(s => s.excluded === undefined)
    .map(({ z, field }) => ({ z, field, tiles: sections[z]!, stitch: stitches[z]! }))
  return renderSlab(slabs, { min: [0, 0, 0], max: [width, height, depth] })
}

beforeAll(() => {
  const scene = phantomScene(spec)
  for (let z = 0; z < depth; z++) {
    const box = { min: [-margin, -margin, z], max: [width + margin, height + margin, z + 1] } as const
    const slice = { ...phantomSpecimen(spec, scene, box), box }
    const wide = width + 2 * margin
    for (let y = 0; y < height; y++) {
      const from = (y + margin) * wide + margin
      em.set(slice.em.subarray(from, from + width), width * (y + height * z))
    }
    const tiles = phantomSection(spec, z, slice).map(({ row, col, ...t }) => ({ ...t, name: `r${row}c${col}` }))
    sections.push(tiles.filter(t => z !== 5 || t.name !== 'r0c1'))
  }
  stitches.push(...sections.map(tiles => stitchSection(tiles)))
  const images = sections.map((tiles, z) => renderSection(tiles, stitches[z]!, stitches[z]!.bounds, 2))
  const matches = images.flatMap((b, z) =>
    [1, 2].filter(k => z >= k).map(k => ({ a: z - k, b: z, match: matchSections(images[z - k]!, b) })),
  )
  alignment = solveAlignment(
    matches,
    stitches.map(({ bounds, focus }, z) => ({ z, bounds, focus })),
  )
  plain = rendered(identityAlignment(sections.map((_, z) => z)))
  aligned = rendered(alignment)
})

/** Correlation of one plane with the specimen. */
function likeness(volume: Uint8Array, z: number): number {
  let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0]
  for (let i = z * area; i < (z + 1) * area; i++) {
    const [u, v] = [volume[i]!, em[i]!]
    a += u
    b += v
    aa += u * u
    bb += v * v
    ab += u * v
  }
  return (ab - (a * b) / area) / Math.sqrt((aa - (a * a) / area) * (bb - (b * b) / area))
}

/** Median over the specimen of the displacement at which a plane fits it, pixels. */
function deviation(volume: Uint8Array, z: number): number {
  const picture = (data: Uint8Array) => ({
    data: data.slice(z * area, (z + 1) * area),
    width,
    height,
    x0: 0,
    y0: 0,
    scale: 1,
  })
  const m = matchSections(picture(em), picture(volume))
  const found = m.dx.flatMap((v, k) => (m.confidence[k]! > 0 ? [Math.hypot(v, m.dy[k]!)] : [])).sort((p, q) => p - q)
  expect(found.length).toBeGreaterThan(0.7 * m.dx.length)
  return found[found.length >> 1]!
}

describe('phantom', () => {
  test('tiles fit at their seams', () => {
    for (const { residualPx, unmatched } of stitches) {
      expect(unmatched).toEqual([])
      expect(residualPx.median).toBeLessThan(0.3)
    }
  })

  test('the blurred section is left out by name, the others are not', () => {
    expect(alignment.sections.filter(s => s.excluded).map(s => [s.z, s.source, s.excluded!.split(':')[0]])).toEqual([
      [10, 9, 'out of focus'],
    ])
  })

  test('what was displaced by pixels is back within one', () => {
    const inner = Array.from({ length: depth - 4 }, (_, k) => k + 2).filter(z => z !== 10)
    const mean = (f: (z: number) => number) => inner.reduce((s, z) => s + f(z), 0) / inner.length
    const after = mean(z => deviation(aligned, z))
    expect(mean(z => deviation(plain, z))).toBeGreaterThan(1.5)
    expect(after).toBeLessThan(1)
    expect(mean(z => likeness(aligned, z))).toBeGreaterThan(mean(z => likeness(plain, z)) + 0.05)
  })

  test('nothing is left empty where a tile is missing', () => {
    let empty = 0
    for (let i = 5 * area; i < 6 * area; i++) if (aligned[i] === 0) empty++
    expect(empty).toBeLessThan(0.001 * area)
  })
})
