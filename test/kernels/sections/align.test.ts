// Matching and alignment: known displacements come back, aligned data stays, bad sections are named and left out.
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { renderSection } from '../../../kernels/sections/draw-section.ts'
import { latticeAt } from '../../../kernels/sections/lattice.ts'
import { sampleTile } from '../../../kernels/sections/sample-tile.ts'
import type { SectionImage, SectionMatch } from '../../../kernels/sections/section-types.ts'
import { fibSize, fibSlices, hasFib } from './real-sections.ts'
import { grain, tile, tissue } from './texture.ts'
import { matchSections, solveAlignment, type Alignment } from './section-kernels.ts'

type Move = (x: number, y: number) => readonly [number, number]

const image = (data: Uint8Array, width: number, height: number, x0 = 0, y0 = 0): SectionImage => ({
  data,
  width,
  height,
  x0,
  y0,
  scale: 1,
})

/** A section whose pixel q shows the tissue at q + move(q); `seed` picks the tissue. */
function section(move: Move, width: number, height: number, noise = 0, z = 0, seed = 1): SectionImage {
  const grey = (x: number, y: number) => {
    const [dx, dy] = move(x, y)
    return tissue(x + dx, y + dy, seed)
  }
  return image(tile('', 0, 0, width, height, grey, noise, z).data, width, height)
}

/** Distances between the displacements of a match and the true ones, ascending. */
function errors(m: SectionMatch, truth: Move): number[] {
  const found: number[] = []
  for (let j = 0, k = 0; j < m.ny; j++)
    for (let i = 0; i < m.nx; i++, k++) {
      if (m.confidence[k] === 0) continue
      const [dx, dy] = truth(m.x0 + i * m.spacing, m.y0 + j * m.spacing)
      found.push(Math.hypot(m.dx[k]! - dx, m.dy[k]! - dy))
    }
  return found.sort((a, b) => a - b)
}
const middle = (v: ArrayLike<number>): number => v[v.length >> 1]!

describe('matching two sections', () => {
  const a = section(() => [0, 0], 256, 192, 20, 1)

  test('translations to a fraction of a pixel, far and near, in section coordinates', () => {
    for (const [dx, dy] of [
      [0, 0],
      [0.5, -0.25],
      [7.3, -4.6],
      [-38.4, 27.7],
    ] as const) {
      // b shows the tissue at q - d, so that what a shows at p is found at p + d.
      const b = { ...section(() => [-dx, -dy], 256, 192, 20, 2), x0: 5, y0: -3 }
      const m = matchSections(a, b)
      const e = errors(m, () => [dx + 5, dy - 3])
      expect(e.length).toBeGreaterThan(0.6 * m.nx * m.ny)
      expect(middle(e)).toBeLessThan(0.1)
      expect(e.at(-1)).toBeLessThan(0.5)
      expect(Math.hypot(m.affine[2] - dx - 5, m.affine[5] - dy + 3)).toBeLessThan(0.3)
    }
  })

  test('a rotation and a smooth deformation, with another contrast', () => {
    const turn = 0.006
    const move: Move = (x, y) => [turn * (y - 96) + 1.5 * Math.sin(x / 45), -turn * (x - 128) + 1.5 * Math.cos(y / 50)]
    const b = section(move, 256, 192, 20, 2)
    const m = matchSections(a, { ...b, data: b.data.map(v => 40 + v / 2) })
    // The inverse of move, by fixed point.
    const truth: Move = (x, y) => {
      let [dx, dy] = [0, 0]
      for (let k = 0; k < 20; k++) {
        const [mx, my] = move(x + dx, y + dy)
        ;[dx, dy] = [-mx, -my]
      }
      return [dx, dy]
    }
    const e = errors(m, truth)
    expect(e.length).toBeGreaterThan(0.9 * m.nx * m.ny)
    expect(middle(e)).toBeLessThan(0.25)
    expect(m.affine[1]).toBeCloseTo(-turn, 2)
    expect(m.affine[3]).toBeCloseTo(turn, 2)
  })

  test('a hole and a strange patch are not believed', () => {
    const b = section(() => [-2, 1], 256, 192, 20, 2)
    const data = b.data.slice()
    for (let y = 0; y < 192; y++)
      for (let x = 0; x < 256; x++) {
        if (x < 100 && y < 80) data[y * 256 + x] = 0
        if (x > 180 && y > 100) data[y * 256 + x] = Math.round(tissue(x, y, 400))
      }
    const m = matchSections(a, { ...b, data })
    const e = errors(m, () => [2, -1])
    expect(e.length).toBeGreaterThan(0.4 * m.nx * m.ny)
    expect(e.length).toBeLessThan(0.85 * m.nx * m.ny)
    expect(e[Math.floor(0.8 * e.length)]).toBeLessThan(0.5)
    expect(m.agreement).toBeLessThan(0.95)
  })

  test('strangers do not agree', () => {
    expect(
      matchSections(
        a,
        section(() => [0, 0], 256, 192, 20, 2, 700),
      ).agreement,
    ).toBeLessThan(0.3)
    expect(() => matchSections(a, { ...a, scale: 2 })).toThrow(RangeError)
  })
})

/** The stack solved with pairs one and two sections apart. */
function align(images: readonly SectionImage[], focus?: readonly number[]): Alignment {
  const matches = images.flatMap((b, z) =>
    [1, 2].filter(k => z >= k).map(k => ({ a: z - k, b: z, match: matchSections(images[z - k]!, b) })),
  )
  const extents = images.map(({ width, height }, z) => ({
    z,
    bounds: { min: [0, 0], max: [width, height] } as const,
    ...(focus ? { focus: focus[z]! } : {}),
  }))
  return solveAlignment(matches, extents)
}

/** Distances of aligned positions from their tissue, over the inner sections. */
function deviations({ sections }: Alignment, moves: readonly Move[], width: number, height: number): number[] {
  const d = new Float64Array(2)
  const found: number[] = []
  for (let z = 2; z < sections.length - 2; z++)
    for (let y = 8; y < height; y += 16)
      for (let x = 8; x < width; x += 16) {
        latticeAt(sections[z]!.field, x, y, d)
        const [dx, dy] = moves[z]!(x + d[0]!, y + d[1]!)
        found.push(Math.hypot(d[0]! + dx, d[1]! + dy))
      }
  return found.sort((a, b) => a - b)
}

describe('aligning a stack', () => {
  const count = 14
  const [width, height] = [224, 160]
  // Deformations of a few pixels whose mean over neighbouring sections is small.
  const moves = Array.from({ length: count }, (_, z): Move => {
    const sign = z % 2 === 0 ? 1 : -1
    const [p, q, r] = [grain(z, 1, 9), grain(z, 2, 9), grain(z, 3, 9)]
    return (x, y) => [
      sign * (1 + p) + 1.5 * sign * Math.sin(x / 40 + 3 * q) + 0.004 * sign * (y - 80),
      sign * (q - 0.5) + 1.5 * sign * Math.cos(y / 45 + 3 * r) - 0.004 * sign * (x - 112),
    ]
  })
  const images = moves.map((m, z) => section(m, width, height, 20, z))
  let solved: Alignment
  beforeAll(() => {
    solved = align(images)
  })

  test('known deformations are taken out', () => {
    const before = deviations(
      {
        ...solved,
        sections: solved.sections.map(s => ({
          ...s,
          field: { ...s.field, dx: s.field.dx.map(() => 0), dy: s.field.dy.map(() => 0) },
        })),
      },
      moves,
      width,
      height,
    )
    const after = deviations(solved, moves, width, height)
    expect(middle(before)).toBeGreaterThan(1.5)
    expect(middle(after)).toBeLessThan(0.5)
    expect(after[Math.floor(0.95 * after.length)]).toBeLessThan(1)
    expect(solved.sections.every(s => s.excluded === undefined && s.source === s.z)).toBe(true)
  })

  test('the same from the matches in any order', () => {
    const matches = [1, 2, 3, 4].map(z => ({ a: z - 1, b: z, match: matchSections(images[z - 1]!, images[z]!) }))
    const extents = [0, 1, 2, 3, 4].map(z => ({ z, bounds: { min: [0, 0], max: [width, height] } as const }))
    const forward = solveAlignment(matches, extents)
    const back = solveAlignment([...matches].reverse(), [...extents].reverse())
    expect(back).toEqual(forward)
  })

  test('a strange section is named and left out, its neighbours are not', () => {
    const spoilt = images.map((s, z) => (z === 6 ? section(moves[6]!, width, height, 20, z, 900) : s))
    const { sections } = align(spoilt)
    expect(sections.filter(s => s.excluded).map(s => [s.z, s.source])).toEqual([[6, 5]])
    expect(sections[6]!.excluded).toMatch(/matches no neighbour/)
    const after = deviations(
      { sections: sections.filter(s => s.z !== 6), residualPx: solved.residualPx },
      moves.filter((_, z) => z !== 6),
      width,
      height,
    )
    expect(middle(after)).toBeLessThan(0.5)
  })

  test('a section that lies turned is turned back, and does not turn its neighbours', () => {
    fc.assert(
      fc.property(fc.double({ min: -5, max: 5, noNaN: true }), degrees => {
        const angle = (degrees * Math.PI) / 180
        const turned: Move = (x, y) => {
          const [u, v] = [x - width / 2, y - height / 2]
          const [p, q] = [Math.cos(angle) * u - Math.sin(angle) * v, Math.sin(angle) * u + Math.cos(angle) * v]
          const [dx, dy] = moves[6]!(p + width / 2, q + height / 2)
          return [p - u + dx, q - v + dy]
        }
        const one = moves.map((m, z) => (z === 6 ? turned : m))
        const after = align(images.map((s, z) => (z === 6 ? section(turned, width, height, 20, z) : s)))
        expect(after.sections.every(s => s.excluded === undefined)).toBe(true)
        const found = deviations(after, one, width, height)
        expect(middle(found)).toBeLessThan(0.5)
        expect(found[Math.floor(0.95 * found.length)]).toBeLessThan(1.5)
      }),
      { numRuns: 3, seed: 1 },
    )
  })

  test('a strange section beside the first blames neither the first nor the third', () => {
    const spoilt = images.slice(0, 6).map((s, z) => (z === 1 ? section(moves[1]!, width, height, 20, z, 900) : s))
    expect(
      align(spoilt)
        .sections.filter(s => s.excluded)
        .map(s => [s.z, s.source]),
    ).toEqual([[1, 0]])
  })

  test('a section without tiles and one out of focus are named', () => {
    const few = images.slice(0, 6)
    const { sections } = align(few, [1, 1, 0.6, 1, 0.95, 1.1])
    expect(sections.filter(s => s.excluded).map(s => [s.z, s.source])).toEqual([[2, 1]])
    expect(sections[2]!.excluded).toMatch(/focus/)
    const bare = solveAlignment(
      [],
      [
        { z: 0, bounds: null },
        { z: 1, bounds: { min: [0, 0], max: [9, 9] } },
      ],
    )
    expect(bare.sections.map(s => [s.source, s.excluded])).toEqual([
      [1, 'no usable tile'],
      [1, undefined],
    ])
  })

  test('slow drift of the tissue is left alone', () => {
    // Every section shows tissue 0.4 px further: a neurite that runs obliquely.
    const drifting = Array.from({ length: 20 }, (_, z) => section(() => [0.2 * z, 0], width, height, 20, z))
    for (const { field } of align(drifting).sections.slice(7, -7))
      for (const v of field.dx) expect(Math.abs(v)).toBeLessThan(0.3)
  })
})

describe.skipIf(!hasFib)('aligned FIB-SEM', () => {
  test('stays where it is', () => {
    // From one slice to the next tissue moves by up to 2 px.
    const images = fibSlices(20, 16).map(data => image(data, fibSize, fibSize))
    for (const { field, excluded } of align(images).sections) {
      expect(excluded).toBeUndefined()
      for (const v of [...field.dx, ...field.dy]) expect(Math.abs(v)).toBeLessThan(0.1)
    }
    // One that was moved goes back, and those around it stay within a pixel.
    images[8] = { ...images[8]!, x0: 5, y0: -4 }
    for (const [z, { field }] of align(images).sections.entries()) {
      const moved = [middle(field.dx.toSorted()) - (z === 8 ? 5 : 0), middle(field.dy.toSorted()) + (z === 8 ? 4 : 0)]
      expect(Math.hypot(...moved)).toBeLessThan(1)
    }
  })

  test('known translations come back', () => {
    const [slice] = fibSlices(30, 1)
    const [dx, dy] = [3.4, -5.75]
    const moved = new Uint8Array(slice!.length)
    for (let y = 0; y < fibSize; y++)
      for (let x = 0; x < fibSize; x++)
        moved[y * fibSize + x] = Math.max(
          1,
          Math.min(255, Math.round(sampleTile(slice!, fibSize, fibSize, x - dx, y - dy))),
        )
    const m = matchSections(image(slice!, fibSize, fibSize), image(moved, fibSize, fibSize))
    const e = errors(m, () => [dx, dy])
    expect(e.length).toBeGreaterThan(0.9 * m.nx * m.ny)
    expect(e[Math.floor(0.9 * e.length)]).toBeLessThan(0.1)
  })
})

test('pictures at half scale match in the same coordinates', () => {
  const stitched = (shift: number) => {
    const tiles = [tile('t', 0, 0, 200, 160, (x, y) => tissue(x - shift, y), 10, shift)]
    return {
      tiles,
      transforms: [
        {
          name: 't',
          width: 200,
          height: 160,
          affine: [1, 0, 3, 0, 1, -2] as const,
          mesh: null,
          gain: 1,
          view: { left: 0, top: 0, right: 0, bottom: 0, corners: [0, 0, 0, 0] as const },
        },
      ],
    }
  }
  const draw = (shift: number) => {
    const { tiles, transforms } = stitched(shift)
    const light = { nx: 2, ny: 2, gain: [1, 1, 1, 1] }
    const intensity = { mean: 128, std: 32, histogram: [] }
    const bounds = { min: [3, -2], max: [203, 158] } as const
    const stitch = {
      transforms,
      matches: [],
      bounds,
      residualPx: { median: 0, max: 0 },
      intensity,
      illumination: light,
      unmatched: [],
      focus: 1,
    }
    return renderSection(tiles, stitch, bounds, 2)
  }
  const m = matchSections(draw(0), draw(4.5))
  const e = errors(m, () => [4.5, 0])
  expect(m.spacing).toBe(32)
  expect(middle(e)).toBeLessThan(0.15)
})
