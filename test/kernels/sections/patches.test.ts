// Flattening, patches and phase correlation in WebAssembly find what plain loops find.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { refinePatches, searchPatches, type PatchState } from '../../../kernels/sections/patch.ts'
import { crop, phaseCorrelation } from '../../../kernels/sections/phase-correlation.ts'
import { flatPyramid, flatten as flattenFast, type Plane } from '../../../kernels/sections/plane.ts'
import { correlated, flatten, halve, refinePatch, searchPatch } from './plain-patches.ts'
import { grain, tissue } from './texture.ts'

/** Tissue with noise and holes of any size; the second of a pair is moved. */
const picture = (width: number, height: number, seed: number, holes: number, dx = 0, dy = 0): Uint8Array =>
  Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    if (grain(x >> 2, y >> 2, seed + 5) + 0.5 < holes) return 0
    return Math.max(0, Math.min(255, Math.round(tissue(x + dx, y + dy, seed) + 40 * grain(x, y, seed))))
  })
const side = fc.integer({ min: 1, max: 70 })
const seed = fc.integer({ min: 0, max: 1000 })
const holes = fc.constantFrom(0, 0.05, 0.6, 1)

function expectNear(found: Plane, plain: Plane): void {
  expect([found.width, found.height]).toEqual([plain.width, plain.height])
  expect(found.mask).toEqual(plain.mask)
  expect(Math.max(0, ...plain.value.map((v, i) => Math.abs(v - found.value[i]!)))).toBeLessThan(1e-5)
}

test('flattened and halved images', () => {
  fc.assert(
    fc.property(side, side, seed, holes, (width, height, s, h) => {
      const data = picture(width, height, s, h)
      const levels = flatPyramid(data, width, height, 3)
      let plain = flatten(data, width, height)
      for (const level of levels) {
        expectNear(level, plain)
        plain = halve(plain)
      }
      expect(flattenFast(data, width, height, 2)).toEqual(levels[2])
    }),
    { numRuns: 150 },
  )
})

const patches = (width: number, height: number, at: readonly number[]): PatchState[] =>
  at.map((v, k) => {
    const [w, h] = [8 + (v % 19), 8 + (v % 13)]
    const [x, y] = [(v * 7) % Math.max(1, width - w), (v * 11) % Math.max(1, height - h)]
    return { x, y, width: w, height: h, vx: (v % 5) - 2 + k / 7, vy: (v % 7) - 3, score: 0 }
  })

test('patches, searched and refined', () => {
  let agreed = 0
  fc.assert(
    fc.property(
      fc.integer({ min: 30, max: 90 }),
      fc.integer({ min: 30, max: 90 }),
      seed,
      fc.constantFrom(0, 0.05, 0.3),
      fc.array(seed, { minLength: 1, maxLength: 6 }),
      (width, height, s, h, at) => {
        const [a, b] = [picture(width, height, s, h), picture(width, height + 3, s, h, 1.3, -2.2)]
        const [pa, pb] = [flatten(a, width, height), flatten(b, width, height + 3)]
        const [found, plain] = [patches(width, height, at), patches(width, height, at)]
        searchPatches(pa, pb, found, 3)
        for (const q of plain) searchPatch(pa, pb, q, 3)
        for (const [k, q] of plain.entries()) {
          expect(found[k]!.score).toBeCloseTo(q.score, 4)
          expect([found[k]!.vx, found[k]!.vy]).toEqual([q.vx, q.vy])
        }
        refinePatches(pa, pb, found, 8, 2)
        for (const q of plain) refinePatch(pa, pb, q, 8, 2)
        for (const [k, q] of plain.entries()) {
          expect(found[k]!.score).toBeCloseTo(q.score, 3)
          expect(Math.hypot(found[k]!.vx - q.vx, found[k]!.vy - q.vy)).toBeLessThan(0.01)
          if (q.score > 0.5) agreed++
        }
      },
    ),
    { numRuns: 150, seed: 3 },
  )
  expect(agreed).toBeGreaterThan(100)
})

test('peaks of the phase correlation', () => {
  fc.assert(
    fc.property(seed, fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 }), (s, dx, dy) => {
      const [width, height] = [26, 11]
      const [a, b] = [
        flatten(picture(width, height, s, 0), width, height),
        flatten(picture(width, height, s, 0, dx, dy), width, height),
      ]
      const [wide, high] = [32, 16]
      const [tx, ty] = [width, height].map(n => (i: number) => {
        const edge = Math.max(1, n >> 3)
        return Math.min(1, (Math.min(i, n - 1 - i) + 1) / (edge + 1))
      }) as [(i: number) => number, (i: number) => number]
      const padded = ({ value }: Plane) =>
        Array.from({ length: wide * high }, (_, i) => {
          const [x, y] = [i % wide, Math.floor(i / wide)]
          return x < width && y < height ? value[y * width + x]! * tx(x) * ty(y) : 0
        })
      const plain = correlated(padded(a), padded(b), wide)
      const peaks = phaseCorrelation(crop(a), crop(b), 5, 3)
      expect(peaks.length).toBeGreaterThan(0)
      const at = (x: number, y: number) => plain[((y + high) % high) * wide + ((x + wide) % wide)]!
      for (const p of peaks) expect(Math.abs(p.height - at(p.dx, p.dy))).toBeLessThan(1e-3 * Math.max(1, at(0, 0)))
      let most = -Infinity
      for (let y = -5; y <= 5; y++) for (let x = -5; x <= 5; x++) most = Math.max(most, at(x, y))
      expect(Math.abs(peaks[0]!.height - most)).toBeLessThan(1e-3 * Math.max(1, most))
    }),
    { numRuns: 20 },
  )
})
