// A made-up tissue for tests: smooth noise that is known at every real position, and tiles cut from it.
import type { SectionTile } from '../../../kernels/sections/section-types.ts'

const hash = (x: number, y: number, z: number): number => {
  let h = Math.imul(x, 0x85ebca6b) ^ Math.imul(y, 0xc2b2ae35) ^ Math.imul(z, 0x27d4eb2f)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39)
  return ((h ^ (h >>> 15)) >>> 0) / 4294967296
}

/** Noise on a lattice of the given spacing, interpolated with a quintic, so that its derivatives are smooth. */
function octave(x: number, y: number, spacing: number, seed: number): number {
  const i = Math.floor(x / spacing)
  const j = Math.floor(y / spacing)
  const ease = (t: number) => t * t * t * (t * (6 * t - 15) + 10)
  const s = ease(x / spacing - i)
  const t = ease(y / spacing - j)
  const top = hash(i, j, seed) * (1 - s) + hash(i + 1, j, seed) * s
  const low = hash(i, j + 1, seed) * (1 - s) + hash(i + 1, j + 1, seed) * s
  return top * (1 - t) + low * t - 0.5
}

/** Grey of the tissue at a real position, about 20 to 235. */
export const tissue = (x: number, y: number, seed = 1): number =>
  128 + 90 * octave(x, y, 23, seed) + 80 * octave(x, y, 11, seed + 1) + 50 * octave(x, y, 5, seed + 2)

/** Repeatable noise in [-0.5, 0.5) per pixel. */
export const grain = (x: number, y: number, seed: number): number => hash(x, y, seed + 1000) - 0.5

/** A tile that says it lies at (x, y); its pixel (i, j) shows `grey(x + i, y + j)` with noise of the given width. */
export function tile(
  name: string,
  x: number,
  y: number,
  width: number,
  height: number,
  grey: (x: number, y: number) => number,
  noise = 0,
  seed = 0,
): SectionTile {
  const data = new Uint8Array(width * height)
  for (let j = 0; j < height; j++)
    for (let i = 0; i < width; i++)
      data[j * width + i] = Math.max(1, Math.min(254, Math.round(grey(x + i, y + j) + noise * grain(i, j, seed))))
  return { name, x, y, width, height, data }
}
