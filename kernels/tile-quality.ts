// What one tile tells of itself: brightness, contrast, saturation, focus, and whether there is anything on it.
import type { TileQuality } from './section-types.ts'

/** Standard deviation in grey levels below which a tile is blank. */
const blankStd = 2

/** Statistics of one tile of width x height grey pixels. */
export function tileQuality(data: Uint8Array, width: number, height: number): TileQuality {
  if (data.length !== width * height) throw new RangeError(`${data.length} pixels are not ${width} x ${height}`)
  const n = width * height
  let sum = 0
  let squares = 0
  let clipped = 0
  for (let i = 0; i < n; i++) {
    const v = data[i]!
    sum += v
    squares += v * v
    if (v === 0 || v === 255) clipped++
  }
  const mean = n > 0 ? sum / n : 0
  const std = n > 0 ? Math.sqrt(Math.max(0, squares / n - mean * mean)) : 0
  return { mean, std, saturated: n > 0 ? clipped / n : 0, focus: sharpness(data, width, height), blank: std < blankStd }
}

/**
 * Detail against coarse structure: the energy of differences between neighbouring pixels after 2 x 2 binning (which halves
 * the noise) over that between bins four apart. Near 1 for an image of pure detail, near 0.06 for a smooth one.
 */
export function sharpness(data: Uint8Array, width: number, height: number): number {
  const w = width >> 1
  const h = height >> 1
  const binned = new Float32Array(w * h)
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const i = 2 * y * width + 2 * x
      binned[y * w + x] = data[i]! + data[i + 1]! + data[i + width]! + data[i + width + 1]!
    }
  let near = 0
  let far = 0
  for (let y = 0; y < h - 4; y++)
    for (let x = 0; x < w - 4; x++) {
      const i = y * w + x
      const v = binned[i]!
      const right = binned[i + 1]! - v
      const down = binned[i + w]! - v
      const right4 = binned[i + 4]! - v
      const down4 = binned[i + 4 * w]! - v
      near += right * right + down * down
      far += right4 * right4 + down4 * down4
    }
  return far > 0 ? near / far : 0
}
