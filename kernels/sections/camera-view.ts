// Which part of a tile shows tissue (some cameras leave dead columns at the sides and corners outside the imaged field), and how
// far a place is from the edge of it.
import type { CameraView, TileImage } from './section-types.ts'
import { meanAndStd } from './tile-quality.ts'

const band = 8

/**
 * An octagon. Sides: columns and rows darker than half the mean of the tile, and two more. Corners: diagonal bands without
 * contrast. At most a tenth of a side and a quarter of the shorter side for a corner.
 */
export function cameraView(t: TileImage): CameraView {
  const { width, height, data } = t
  const { mean, std } = meanAndStd(data)
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
    let cut = 0
    for (let d = band; d < limit; d += band) {
      let [n, s, q] = [0, 0, 0]
      for (let y = 0; y < d + band; y++)
        for (let x = Math.max(0, d - y); x < d + band - y; x++) {
          const px = flipX ? width - 1 - right - x : left + x
          const py = flipY ? height - 1 - bottom - y : top + y
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
  const corners = [corner(false, false), corner(true, false), corner(false, true), corner(true, true)] as const
  return { left, top, right, bottom, corners }
}

/** Distance from (x, y) to the nearest edge of the view of a tile, negative outside. */
export function edgeDistance(view: CameraView, width: number, height: number, x: number, y: number): number {
  const left = x + 0.5 - view.left
  const top = y + 0.5 - view.top
  const right = width - 0.5 - x - view.right
  const bottom = height - 0.5 - y - view.bottom
  const [c0, c1, c2, c3] = view.corners
  let d = Math.min(left, right, top, bottom)
  if (c0 > 0) d = Math.min(d, (left + top - c0) * Math.SQRT1_2)
  if (c1 > 0) d = Math.min(d, (right + top - c1) * Math.SQRT1_2)
  if (c2 > 0) d = Math.min(d, (left + bottom - c2) * Math.SQRT1_2)
  if (c3 > 0) d = Math.min(d, (right + bottom - c3) * Math.SQRT1_2)
  return d
}
