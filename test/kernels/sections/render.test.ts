// Rendering: untouched where nothing is to be done, the same bytes in any decomposition, gaps filled from the next section.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderSection } from '../../../kernels/sections/draw-section.ts'
import { tilesInBox } from '../../../kernels/sections/render.ts'
import type { Lattice, RenderParams, SlabSection } from '../../../kernels/sections/section-types.ts'
import type { Box } from '../../../kernels/types.ts'
import { grain, tile, tissue } from './texture.ts'
import { renderSlab, solveAlignment, stitchSection, identityAlignment } from './section-kernels.ts'

const still = identityAlignment([0]).sections[0]!.field

const bent = (seed: number): Lattice<Float32Array> => {
  const node = (_: unknown, k: number) => 8 * grain(k, seed, 5)
  const [nx, ny] = [6, 5]
  const grid = { spacing: 32, nx, ny, x0: -16, y0: -16 }
  return {
    ...grid,
    dx: Float32Array.from({ length: nx * ny }, node),
    dy: Float32Array.from({ length: nx * ny }, (v, k) => node(v, k + 99)),
  }
}

/** Three sections of four tiles each, bent, unevenly lit. */
const stack: SlabSection[] = [0, 1, 2].map(z => {
  const tiles = [0, 1, 2, 3].map(k => {
    const [x, y] = [(k % 2) * 60, Math.floor(k / 2) * 50]
    const grey = (px: number, py: number) => tissue(px + 4 * grain(k, z, 1), py, z) * (1 - 0.001 * (px - x))
    return tile(`t${k}`, x, y, 80, 70, grey, 10, 10 * z + k)
  })
  return { z, tiles, stitch: stitchSection(tiles), field: bent(z) }
})
const whole: Box = { min: [-20, -20, -1], max: [160, 140, 4] }

/** Cuts a box out of the volume of another that holds it. */
function cut(volume: Uint8Array, from: Box, box: Box): Uint8Array {
  const [sx, sy, sz] = [0, 1, 2].map(a => box.max[a]! - box.min[a]!) as [number, number, number]
  const [wx, wy] = [from.max[0] - from.min[0], from.max[1] - from.min[1]]
  const out = new Uint8Array(sx * sy * sz)
  for (let z = 0; z < sz; z++)
    for (let y = 0; y < sy; y++) {
      const at = box.min[0] - from.min[0] + wx * (y + box.min[1] - from.min[1] + wy * (z + box.min[2] - from.min[2]))
      out.set(volume.subarray(at, at + sx), sx * (y + sy * z))
    }
  return out
}

const boxes = (low: number) =>
  fc
    .tuple(
      ...[0, 1, 2].map(a =>
        fc.tuple(fc.integer({ min: whole.min[a]!, max: whole.max[a]! - 1 }), fc.integer({ min: low, max: 60 })),
      ),
    )
    .map(ranges => ({
      min: ranges.map(([m]) => m!) as unknown as Box['min'],
      max: ranges.map(([m, n], a) => Math.min(whole.max[a]!, m! + n!)) as unknown as Box['max'],
    }))

const lists = {
  section: { normalise: 'section' },
  none: { normalise: 'none', featherPx: 5, fillSections: 1 },
} as const satisfies Record<string, Partial<RenderParams>>

describe('any decomposition gives the same bytes', () => {
  for (const [name, params] of Object.entries(lists)) {
    const all = renderSlab(stack, whole, params)
    test(`boxes of a bent stack, normalise ${name}`, () => {
      expect(new Set(all).size).toBeGreaterThan(100)
      fc.assert(
        fc.property(boxes(1), box => {
          expect(renderSlab(stack, box, params)).toEqual(cut(all, whole, box))
        }),
        { numRuns: 40 },
      )
    })
    test(`only the tiles and sections in reach are needed, in any order, normalise ${name}`, () => {
      fc.assert(
        fc.property(boxes(1), fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), (box, order) => {
          const reach = params === lists.none ? 1 : 3
          const some = order
            .map(z => stack[z]!)
            .filter(s => s.z >= box.min[2] - reach && s.z < box.max[2] + reach)
            .map(s => {
              const names = tilesInBox(s.stitch, s.field, box)
              return { ...s, tiles: s.tiles.filter(t => names.includes(t.name)).reverse() }
            })
          expect(renderSlab(some, box, params)).toEqual(cut(all, whole, box))
        }),
        { numRuns: 40 },
      )
    })
  }
})

test('one tile in its place comes back byte for byte, zeros and all', () => {
  const data = Uint8Array.from({ length: 50 * 40 }, (_, i) => Math.floor(256 * (grain(i, 0, 3) + 0.5)))
  data.fill(0, 0, 120)
  const tiles = [{ name: 'only', x: 0, y: 0, width: 50, height: 40, data }]
  const section = { z: 7, tiles, stitch: stitchSection(tiles), field: still }
  expect(renderSlab([section], { min: [0, 0, 7], max: [50, 40, 8] }, { normalise: 'none' })).toEqual(data)
  const shifted = { ...section, field: { ...still, dx: Float32Array.of(3), dy: Float32Array.of(-2) } }
  expect(renderSlab([shifted], { min: [-3, 2, 7], max: [47, 42, 8] }, { normalise: 'none' })).toEqual(data)
})

test('every section comes to the wanted mean and deviation', () => {
  const box: Box = { min: [8, 8, 0], max: [130, 110, 1] }
  const faint = stack[0]!.tiles.map((t, k) => ({
    ...t,
    x: (k % 2) * 60,
    y: Math.floor(k / 2) * 50,
    data: t.data.map(v => 60 + v / 4),
  }))
  const section = { z: 0, tiles: faint, stitch: stitchSection(faint), field: still }
  const out = renderSlab([section], box, { mean: 140, std: 30 })
  const mean = out.reduce((a, b) => a + b, 0) / out.length
  const std = Math.sqrt(out.reduce((a, b) => a + (b - mean) ** 2, 0) / out.length)
  expect(Math.abs(mean - 140)).toBeLessThan(4)
  expect(Math.abs(std - 30)).toBeLessThan(4)
})

describe('gaps', () => {
  const box: Box = { min: [0, 0, 0], max: [130, 110, 3] }
  const area = 130 * 110
  const plane = (v: Uint8Array, z: number) => v.subarray(z * area, (z + 1) * area)
  const plain = stack.map(s => ({ ...s, field: still }))

  test('an excluded section is shown by the one below it', () => {
    const out = renderSlab([plain[0]!, plain[2]!], box)
    expect(plane(out, 1)).toEqual(plane(out, 0))
    const without = renderSlab([plain[0]!, plain[2]!], box, { fillSections: 0 })
    expect(plane(without, 1).every(v => v === 0)).toBe(true)
  })

  test('a missing tile is filled where no other covers, and nowhere else', () => {
    const full = plane(renderSlab(plain, box), 1)
    const below = plane(renderSlab(plain, box), 0)
    const tiles = plain[1]!.tiles.filter(t => t.name !== 't3')
    const holed = { ...plain[1]!, tiles }
    const out = plane(renderSlab([plain[0]!, holed, plain[2]!], box), 1)
    const at = (x: number, y: number) => x + 130 * y
    for (let y = 80; y < 108; y++) for (let x = 90; x < 128; x++) expect(out[at(x, y)]).toBe(below[at(x, y)])
    for (let y = 3; y < 40; y++) for (let x = 3; x < 50; x++) expect(out[at(x, y)]).toBe(full[at(x, y)])
  })
})

describe('excluded boxes', () => {
  const all: Box = { min: [0, 0, 0], max: [130, 110, 3] }
  const plain = stack.map(s => ({ ...s, field: still }))
  const at = (x: number, y: number, z: number) => x + 130 * (y + 110 * z)
  const gap: Box = { min: [40, 30, 1], max: [90, 70, 2] }
  const full = renderSlab(plain, all)

  test('inside, sections outside of the box stand in; outside nothing changes', () => {
    const out = renderSlab(plain, all, {}, [gap])
    for (let z = 0; z < 3; z++)
      for (let y = 0; y < 110; y++)
        for (let x = 0; x < 130; x++) {
          const inside = z === 1 && x >= 40 && x < 90 && y >= 30 && y < 70
          expect(out[at(x, y, z)]).toBe(full[at(x, y, inside ? 0 : z)])
        }
  })

  test('what no section within reach fills is 0, and boxes may overlap or lie elsewhere', () => {
    const whole: Box = { min: [40, 30, -5], max: [90, 70, 9] }
    const out = renderSlab(plain, all, {}, [whole, gap, { min: [500, 0, 0], max: [600, 10, 3] }])
    expect(out[at(60, 50, 1)]).toBe(0)
    expect(out[at(39, 50, 1)]).toBe(full[at(39, 50, 1)])
    expect(renderSlab(plain, all, { fillSections: 0 }, [gap])[at(60, 50, 1)]).toBe(0)
  })

  test('any decomposition gives the same bytes', () => {
    const excluded: Box[] = [gap, { min: [-5, 60, 0], max: [70, 100, 2] }]
    const bentAll = renderSlab(stack, whole, {}, excluded)
    expect(bentAll).not.toEqual(renderSlab(stack, whole))
    fc.assert(
      fc.property(boxes(1), box => {
        expect(renderSlab(stack, box, {}, excluded)).toEqual(cut(bentAll, whole, box))
      }),
      { numRuns: 40 },
    )
  })
})

test('a picture for matching marks what no tile covers, and halves with the scale', () => {
  const { tiles, stitch } = stack[0]!
  const full = renderSection(tiles, stitch, { min: [-10, -10], max: [150, 130] }, 1)
  const half = renderSection(tiles, stitch, { min: [-10, -10], max: [150, 130] }, 2)
  expect([half.width, half.height, half.x0, half.y0, half.scale]).toEqual([80, 70, -10, -10, 2])
  expect(full.data[0]).toBe(0)
  for (let y = 20; y < 60; y++)
    for (let x = 20; x < 60; x++) {
      const i = 2 * x + 160 * 2 * y
      const mean = (full.data[i]! + full.data[i + 1]! + full.data[i + 160]! + full.data[i + 161]!) / 4
      expect(Math.abs(half.data[x + 80 * y]! - mean)).toBeLessThanOrEqual(0.5)
      expect(full.data[i]).toBeGreaterThan(0)
    }
})

test('without matches nothing is moved', () => {
  const { sections } = solveAlignment([], [{ z: 0, bounds: stack[0]!.stitch.bounds }])
  expect(sections[0]!.field.dx.every(v => v === 0)).toBe(true)
})
