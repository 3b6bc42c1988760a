// Sections that match only when turned or moved further: the angle and shift are found, and not where there is none.
import { expect, test } from 'vitest'
import type { SectionImage } from '../../../kernels/sections/section-types.ts'
import { turnedSection } from '../../../kernels/sections/turned.ts'
import { grain, tissue } from './texture.ts'

const [width, height] = [200, 160]

/** What lies at the pixel of `a` that `from` names, with noise of its own. */
function section(from: (x: number, y: number) => [number, number], seed = 1, noise = 0): SectionImage {
  const data = new Uint8Array(width * height)
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++)
      data[i] = Math.max(1, Math.min(255, Math.round(tissue(...from(x, y), seed) + 20 * grain(x, y, noise))))
  return { data, width, height, x0: 0, y0: 0, scale: 1 }
}

/** Turned clockwise as it is shown, about the centre. */
const clockwise =
  (degrees: number) =>
  (x: number, y: number): [number, number] => {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
    const [u, v] = [x - (width - 1) / 2, y - (height - 1) / 2]
    return [c * u + s * v + (width - 1) / 2, -s * u + c * v + (height - 1) / 2]
  }
const a = section((x, y) => [x, y])

test.each([90, -17])('turned by %i degrees', degrees => {
  const found = turnedSection(a, section(clockwise(degrees), 1, 7))
  expect(Math.abs(((found?.degrees ?? 999) - degrees) % 360)).toBeLessThanOrEqual(2)
})

test('moved further than the matcher looks', () => {
  const found = turnedSection(
    a,
    section((x, y) => [x - 60, y + 30], 1, 7),
  )!
  expect(found.degrees).toBe(0)
  expect(Math.hypot(found.dx - 60, found.dy + 30)).toBeLessThan(4)
})

test('other tissue is no other way round', () => {
  expect(
    turnedSection(
      a,
      section((x, y) => [x, y], 77, 7),
    ),
  ).toBeUndefined()
})
