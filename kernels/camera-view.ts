// Which part of a tile shows tissue: some cameras leave dead columns at the sides and corners outside the imaged field.
import type { CameraView, TileImage } from './section-types.ts'

const band = 8

/**
 * An octagon. Sides: columns and rows darker than half the mean of the tile, and two more. Corners: diagonal bands without
 * contrast. At most a tenth of a side and a quarter of the shorter side for a corner.
 */
export function cameraView(t: TileImage): CameraView {
  const { width, height, data } = t
  let sum = 0
  let squares = 0
  for (let i = 0; i < data.length; i++) {
    sum += data[i]!
    squares += data[i]! * data[i]!
  }
  const mean = sum / data.length
  const std = Math.sqrt(Math.max(0, squares / data.length - mean * mean))
  const dark = (start: number, step: number, count: number): boolean => {
    let s = 0
    for (let k = 0, i = start; k < count; k++, i += step) s += data[i]!
    return 2 * s < mean * count
  }
  const side = (limit: number, isDark: (i: number) => boolean): number => {
    let i = 0
    while (i < limit && isDark(i)) i++
    return i > 0 ? i + 2 : 0
  }
  const left = side(width / 10, i => dark(i, width, height))
  const right = side(width / 10, i => dark(width - 1 - i, width, height))
  const top = side(height / 10, i => dark(i * width, 1, width))
  const bottom = side(height / 10, i => dark((height - 1 - i) * width, 1, width))
  const limit = Math.min(width, height) / 4
  const corner = (flipX: boolean, flipY: boolean): number => {
    const insetX = flipX ? right : left
    const insetY = flipY ? bottom : top
    let cut = 0
    for (let d = band; d < limit; d += band) {
      let n = 0
      let s = 0
      let q = 0
      for (let y = 0; y < d + band; y++)
        for (let x = Math.max(0, d - y); x < d + band - y; x++) {
          const px = flipX ? width - 1 - insetX - x : insetX + x
          const py = flipY ? height - 1 - insetY - y : insetY + y
          const v = data[py * width + px]!
          n++
          s += v
          q += v * v
        }
      if (Math.sqrt(Math.max(0, q / n - (s / n) ** 2)) > 0.45 * std) break
      cut = d + band
    }
    // The edge of the field is blurred over a few pixels.
    return cut > 0 ? cut + band : 0
  }
  return {
    left,
    top,
    right,
    bottom,
    corners: [corner(false, false), corner(true, false), corner(false, true), corner(true, true)],
  }
}
