// Reading a tile between its pixels, and how far a place is from the edge of what its camera showed.
import type { CameraView } from './section-types.ts'

/**
 * Grey at (x, y) by Catmull-Rom interpolation (Keys 1981, a = -0.5), pixel centres at whole numbers; beyond its border the
 * border repeats. Whole positions give the pixel itself.
 */
export function sampleTile(data: Uint8Array, width: number, height: number, x: number, y: number): number {
  const i = Math.floor(x)
  const j = Math.floor(y)
  const t = x - i
  const s = y - j
  const a0 = t * (-0.5 + t * (1 - 0.5 * t))
  const a1 = 1 + t * t * (1.5 * t - 2.5)
  const a2 = t * (0.5 + t * (2 - 1.5 * t))
  const a3 = t * t * (0.5 * t - 0.5)
  const b0 = s * (-0.5 + s * (1 - 0.5 * s))
  const b1 = 1 + s * s * (1.5 * s - 2.5)
  const b2 = s * (0.5 + s * (2 - 1.5 * s))
  const b3 = s * s * (0.5 * s - 0.5)
  let x0 = i - 1
  let x1 = i
  let x2 = i + 1
  let x3 = i + 2
  let r0 = (j - 1) * width
  let r1 = r0 + width
  let r2 = r1 + width
  let r3 = r2 + width
  if (x0 < 0 || x3 >= width || j < 1 || j + 2 >= height) {
    const w = width - 1
    const h = height - 1
    x0 = x0 < 0 ? 0 : x0 > w ? w : x0
    x1 = x1 < 0 ? 0 : x1 > w ? w : x1
    x2 = x2 < 0 ? 0 : x2 > w ? w : x2
    x3 = x3 < 0 ? 0 : x3 > w ? w : x3
    r0 = (j - 1 < 0 ? 0 : j - 1 > h ? h : j - 1) * width
    r1 = (j < 0 ? 0 : j > h ? h : j) * width
    r2 = (j + 1 < 0 ? 0 : j + 1 > h ? h : j + 1) * width
    r3 = (j + 2 < 0 ? 0 : j + 2 > h ? h : j + 2) * width
  }
  return (
    b0 * (a0 * data[r0 + x0]! + a1 * data[r0 + x1]! + a2 * data[r0 + x2]! + a3 * data[r0 + x3]!) +
    b1 * (a0 * data[r1 + x0]! + a1 * data[r1 + x1]! + a2 * data[r1 + x2]! + a3 * data[r1 + x3]!) +
    b2 * (a0 * data[r2 + x0]! + a1 * data[r2 + x1]! + a2 * data[r2 + x2]! + a3 * data[r2 + x3]!) +
    b3 * (a0 * data[r3 + x0]! + a1 * data[r3 + x1]! + a2 * data[r3 + x2]! + a3 * data[r3 + x3]!)
  )
}

/** Distance from (x, y) to the nearest edge of the view of a tile, negative outside. */
export function edgeDistance(view: CameraView, width: number, height: number, x: number, y: number): number {
  const left = x + 0.5 - view.left
  const top = y + 0.5 - view.top
  const right = width - 0.5 - x - view.right
  const bottom = height - 0.5 - y - view.bottom
  let d = left < right ? left : right
  if (top < d) d = top
  if (bottom < d) d = bottom
  const c = view.corners
  const diagonal = Math.SQRT1_2
  if (c[0] > 0) d = Math.min(d, (left + top - c[0]) * diagonal)
  if (c[1] > 0) d = Math.min(d, (right + top - c[1]) * diagonal)
  if (c[2] > 0) d = Math.min(d, (left + bottom - c[2]) * diagonal)
  if (c[3] > 0) d = Math.min(d, (right + bottom - c[3]) * diagonal)
  return d
}
