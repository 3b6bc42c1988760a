// What one tile tells of itself: brightness, contrast, saturation and focus.

/** Moments of the grey values of an image; `saturated` is the fraction at 0 or 255, `focus` as `sharpness` says. */
export interface TileQuality {
  readonly mean: number
  readonly std: number
  readonly saturated: number
  readonly focus: number
}

/**
 * Statistics of one tile of width x height grey pixels.
 * @throws RangeError when it has not that many
 */
export function tileQuality(data: Uint8Array, width: number, height: number): TileQuality {
  if (data.length !== width * height) throw new RangeError(`${data.length} pixels are not ${width} x ${height}`)
  const { mean, std } = meanAndStd(data)
  let clipped = 0
  for (let i = 0; i < data.length; i++) if (data[i] === 0 || data[i] === 255) clipped++
  return { mean, std, saturated: clipped / (data.length || 1), focus: sharpness(data, width, height) }
}

/** Mean and standard deviation; both 0 of nothing. */
export function meanAndStd(data: Uint8Array): { mean: number; std: number } {
  const n = data.length || 1
  let sum = 0
  let squares = 0
  for (let i = 0; i < data.length; i++) {
    sum += data[i]!
    squares += data[i]! * data[i]!
  }
  const mean = sum / n
  return { mean, std: Math.sqrt(Math.max(0, squares / n - mean * mean)) }
}

/**
 * Detail against coarse structure: the energy of differences between neighbouring pixels after 2 x 2 binning (which halves
 * the noise) over that between bins four apart. Near 1 for an image of pure detail, near 0.06 for a smooth one.
 */
export function sharpness(data: Uint8Array, width: number, height: number): number {
  const w = width >> 1
  const h = height >> 1
  const binned = new Float32Array(w * h)
  for (let y = 0, o = 0; y < h; y++)
    for (let x = 0, i = 2 * y * width; x < w; x++, o++, i += 2)
      binned[o] = data[i]! + data[i + 1]! + data[i + width]! + data[i + width + 1]!
  let near = 0
  let far = 0
  for (let y = 0; y < h - 4; y++)
    for (let x = 0, i = y * w; x < w - 4; x++, i++) {
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
