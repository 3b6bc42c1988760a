// The camera images of the phantom: what the truth says of them is what their pixels show.
import { describe, expect, test } from 'vitest'
import { PhantomSpec } from '../../../domain/run-file/phantom.ts'
import { phantomScene } from '../../../specimen/scene.ts'
import { phantomSection } from '../../../specimen/section.ts'
import { phantomSpecimen } from '../../../specimen/specimen.ts'
import { phantomTruth } from '../../../specimen/truth.ts'
import type { PhantomTile } from '../../../specimen/types.ts'
import type { Box } from '../../../kernels/types.ts'
import { shownAt, warp } from './true-places.ts'

const base = { size: [112, 96, 24], seed: 5, tiles: { shape: [64, 56], overlap: 16 } }
const none = { jitterPx: 0, rotationDeg: 0, warpPx: 0, illumination: 0, drift: 0, noise: 0 }
const still = PhantomSpec.parse({ ...base, distortion: none })
const scene = phantomScene(still)
const margin = 48
const box: Box = { min: [-margin, -margin, 9], max: [112 + margin, 96 + margin, 12] }
const slice = { ...phantomSpecimen(still, scene, box), box }
const sx = 112 + 2 * margin
const sy = 96 + 2 * margin
const at = (x: number, y: number, z: number) => slice.em[x + margin + sx * (y + margin + sy * (z - 9))]!
const section = (spec: PhantomSpec, z: number) => phantomSection(spec, z, slice)
const named = (tiles: readonly PhantomTile[], name: string) => tiles.find(t => `r${t.row}c${t.col}` === name)!

describe('tiles', () => {
  test('without distortion they are the specimen, cut up with overlap, all of it', () => {
    const tiles = section(still, 10)
    expect(tiles.map(t => [t.row, t.col, t.x, t.y])).toEqual([
      [0, 0, 0, 0],
      [0, 1, 48, 0],
      [1, 0, 0, 40],
      [1, 1, 48, 40],
    ])
    const seen = new Uint8Array(112 * 96)
    for (const t of tiles)
      for (let j = 0; j < t.height; j++)
        for (let i = 0; i < t.width; i++) {
          if (t.data[i + t.width * j] !== at(t.x + i, t.y + j, 10)) throw new Error(`pixel ${i},${j} differs`)
          seen[t.x + i + 112 * (t.y + j)] = 1
        }
    expect(seen.every(v => v === 1)).toBe(true)
  })

  test('a displaced pixel shows the point that the truth computes for it', () => {
    const spec = PhantomSpec.parse({
      ...base,
      distortion: { ...none, jitterPx: 6, rotationDeg: 1, warpPx: 3, drift: 0.05 },
    })
    const truth = phantomTruth(spec, scene)
    let moved = 0
    for (const z of [9, 11]) {
      const s = truth.sections[z]!
      for (const [k, t] of section(spec, z).entries()) {
        const place = s.tiles[k]!
        expect([place.tile, place.x, place.y]).toEqual([`r${t.row}c${t.col}`, t.x, t.y])
        let error = 0
        let count = 0
        for (let j = 2; j < t.height; j += 7)
          for (let i = 2; i < t.width; i += 7) {
            const [u, v] = [t.x + i, t.y + j]
            const [x, y] = shownAt(spec, s, k, u, v)
            moved = Math.max(moved, Math.abs(x - u), Math.abs(y - v))
            // Bilinear here, cubic there: they differ a little where the specimen is rough.
            const [fx, fy] = [x - Math.floor(x), y - Math.floor(y)]
            const value = (a: number, b: number) => at(Math.floor(x) + a, Math.floor(y) + b, z)
            const tissue =
              (1 - fy) * ((1 - fx) * value(0, 0) + fx * value(1, 0)) + fy * ((1 - fx) * value(0, 1) + fx * value(1, 1))
            error += Math.abs(128 + (tissue - 128) * s.gain + s.offset - t.data[i + t.width * j]!)
            count++
          }
        expect(error / count).toBeLessThan(2.5)
      }
    }
    expect(moved).toBeGreaterThan(3)
  })

  test('warp has the amplitude asked for and stays about nominal over the sections', () => {
    const spec = PhantomSpec.parse({
      ...base,
      size: [112, 96, 120],
      distortion: { ...none, warpPx: 2, rotationDeg: 1 },
    })
    const { sections } = phantomTruth(spec, scene)
    let squares = 0
    let worst = 0
    const places = [5, 30, 55, 80, 105].flatMap(x => [5, 30, 55, 80].map(y => [x, y] as const))
    for (const [x, y] of places) {
      let sum = 0
      for (const s of sections) {
        const d = warp(s, s.warp.dx, x, y)
        sum += d
        squares += d * d
      }
      worst = Math.max(worst, Math.abs(sum / sections.length))
    }
    const rms = Math.sqrt(squares / (sections.length * places.length))
    expect(rms).toBeGreaterThan(1.4)
    expect(rms).toBeLessThan(2.6)
    expect(worst).toBeLessThan(0.15)
    expect(Math.max(...sections.map(s => Math.abs(s.rotationDeg)))).toBeLessThanOrEqual(1)
  })

  test('noise has the deviation asked for, light falls off to the corners, and both differ between sections', () => {
    const noisy = PhantomSpec.parse({ ...base, distortion: { ...none, noise: 8 } })
    const [a, b] = [section(noisy, 10)[0]!, section(still, 10)[0]!]
    let [sum, squares] = [0, 0]
    for (let i = 0; i < a.data.length; i++) {
      const d = (a.data[i]! - b.data[i]!) / Math.sqrt(b.data[i]! / 128)
      sum += d
      squares += d * d
    }
    expect(Math.abs(sum / a.data.length)).toBeLessThan(0.5)
    expect(Math.sqrt(squares / a.data.length)).toBeGreaterThan(7)
    expect(Math.sqrt(squares / a.data.length)).toBeLessThan(9)
    const dim = section(PhantomSpec.parse({ ...base, distortion: { ...none, illumination: 0.5 } }), 10)[0]!
    expect(dim.data[0]! / b.data[0]!).toBeLessThan(0.75)
    const centre = 32 + 64 * 28
    expect(dim.data[centre]! / b.data[centre]!).toBeGreaterThan(0.97)
  })
})

describe('defects', () => {
  const defects = [
    { kind: 'blank', section: 9, tile: 'r0c1' },
    { kind: 'blur', section: 10 },
    { kind: 'fold', section: 11 },
    { kind: 'missing', section: 9, tile: 'r1c1' },
    { kind: 'truncated', section: 9, tile: 'r1c0' },
  ]
  const spec = PhantomSpec.parse({ ...base, distortion: none, defects })
  const energy = (t: PhantomTile) => {
    let sum = 0
    for (let i = 1; i < t.data.length; i++) if (i % t.width) sum += (t.data[i]! - t.data[i - 1]!) ** 2
    return sum
  }

  test('a blank tile is flat and its neighbours are untouched; missing and truncated tiles come whole', () => {
    const tiles = section(spec, 9)
    expect(new Set(named(tiles, 'r0c1').data).size).toBe(1)
    const sound = section(still, 9)
    for (const name of ['r0c0', 'r1c0', 'r1c1']) expect(named(tiles, name).data).toEqual(named(sound, name).data)
  })

  test('a blurred section loses fine detail everywhere', () => {
    const [blurred, sound] = [section(spec, 10), section(still, 10)]
    for (const [i, t] of blurred.entries()) expect(energy(t)).toBeLessThan(0.3 * energy(sound[i]!))
  })

  test('a fold is a dark crease where the truth says, and moves tissue on both sides', () => {
    const fold = phantomTruth(spec, scene).defects.find(d => d.kind === 'fold')!.fold!
    const [folded, sound] = [section(spec, 11), section(still, 11)]
    let [dark, pixels, changed] = [0, 0, 0]
    for (const [k, t] of folded.entries())
      for (let j = 0; j < t.height; j++)
        for (let i = 0; i < t.width; i++) {
          const s = fold.nx * (t.x + i) + fold.ny * (t.y + j) - fold.at
          const value = t.data[i + t.width * j]!
          if (Math.abs(s) < fold.width / 2 - 1) {
            pixels++
            if (value < 85) dark++
          } else if (value !== sound[k]!.data[i + t.width * j]) changed++
        }
    expect(pixels).toBeGreaterThan(100)
    expect(dark / pixels).toBeGreaterThan(0.95)
    expect(changed).toBeGreaterThan(1000)
  })

  test('the truth records every defect with its tiles', () => {
    const all = ['r0c0', 'r0c1', 'r1c0', 'r1c1']
    expect(phantomTruth(spec, scene).defects.map(({ kind, section: z, tiles }) => [kind, z, tiles])).toEqual([
      ['blank', 9, ['r0c1']],
      ['blur', 10, all],
      ['fold', 11, all],
      ['missing', 9, ['r1c1']],
      ['truncated', 9, ['r1c0']],
    ])
  })
})

describe('spec', () => {
  test('has a default for everything', () => {
    expect(PhantomSpec.parse({})).toMatchObject({ size: [384, 256, 128], defects: [], distortion: { noise: 6 } })
    expect(PhantomSpec.parse({ distortion: { noise: 0 } }).distortion).toMatchObject({ noise: 0, warpPx: 1.5 })
  })
  test.each([
    [{ sise: [1, 1, 1] }],
    [{ distortion: { jitter: 1 } }],
    [{ defects: [{ kind: 'dirt', section: 1 }] }],
    [{ defects: [{ kind: 'blank', section: 128 }] }],
    [{ defects: [{ kind: 'blank', section: 1, tile: 'r2c0' }] }],
    [{ defects: [{ kind: 'blank', section: 1, tile: 'left' }] }],
    [{ tiles: { shape: [64, 64], overlap: 40 } }],
    [{ calibre: [30, 20] }],
    [{ seed: -1 }],
    [{ size: [0, 10, 10] }],
  ])('refuses %j', wrong => {
    expect(PhantomSpec.safeParse(wrong).success).toBe(false)
  })
})
