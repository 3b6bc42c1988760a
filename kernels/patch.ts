// Where one patch of a flattened image lies in another: by trying all shifts nearby, then by gradients to a fraction of a pixel.
import type { Plane } from './plane.ts'

/** A rectangle of plane a in pixels, and the displacement that takes it to plane b; `score` is -1 when it failed. */
export interface PatchState {
  x: number
  y: number
  width: number
  height: number
  vx: number
  vy: number
  score: number
}

let template = new Float32Array(0)
let gradientX = new Float32Array(0)
let gradientY = new Float32Array(0)
let valid = new Uint8Array(0)

function grow(n: number): void {
  if (template.length >= n) return
  template = new Float32Array(n)
  gradientX = new Float32Array(n)
  gradientY = new Float32Array(n)
  valid = new Uint8Array(n)
}

/** Clips a patch so that it, and it moved by v with `margin` to spare, lie inside; false when less than half is left. */
function clip(a: Plane, b: Plane, s: PatchState, margin: number, r: Int32Array): boolean {
  const x0 = Math.max(s.x, 1, Math.ceil(margin - s.vx))
  const y0 = Math.max(s.y, 1, Math.ceil(margin - s.vy))
  const x1 = Math.min(s.x + s.width, a.width - 1, Math.floor(b.width - 1 - margin - s.vx))
  const y1 = Math.min(s.y + s.height, a.height - 1, Math.floor(b.height - 1 - margin - s.vy))
  if (x1 <= x0 || y1 <= y0 || 2 * (x1 - x0) * (y1 - y0) < s.width * s.height) return false
  r[0] = x0
  r[1] = y0
  r[2] = x1 - x0
  r[3] = y1 - y0
  return true
}

const rect = new Int32Array(4)

/**
 * Refines `s.vx`, `s.vy` by least squares of grey differences up to a common offset (inverse compositional Lucas-Kanade:
 * Baker and Matthews 2004), moving at most `margin` pixels, and sets `s.score` to the normalised correlation.
 */
export function refinePatch(a: Plane, b: Plane, s: PatchState, iterations: number, margin: number): void {
  s.score = -1
  if (!clip(a, b, s, margin + 1, rect)) return
  const [x0, y0, w, h] = rect as unknown as [number, number, number, number]
  grow(w * h)
  const av = a.value
  const aw = a.width
  let n = 0
  let sT = 0
  let sTT = 0
  let sX = 0
  let sY = 0
  let hxx = 0
  let hxy = 0
  let hyy = 0
  const ox = Math.round(s.vx)
  const oy = Math.round(s.vy)
  for (let y = 0, k = 0; y < h; y++) {
    let i = (y0 + y) * aw + x0
    let j = (y0 + y + oy) * b.width + x0 + ox
    for (let x = 0; x < w; x++, k++, i++, j++) {
      const m = a.mask[i]! & b.mask[j]!
      valid[k] = m
      if (m === 0) {
        template[k] = gradientX[k] = gradientY[k] = 0
        continue
      }
      const t = av[i]!
      const gx = 0.5 * (av[i + 1]! - av[i - 1]!)
      const gy = 0.5 * (av[i + aw]! - av[i - aw]!)
      template[k] = t
      gradientX[k] = gx
      gradientY[k] = gy
      n++
      sT += t
      sTT += t * t
      sX += gx
      sY += gy
      hxx += gx * gx
      hxy += gx * gy
      hyy += gy * gy
    }
  }
  if (2 * n < s.width * s.height) return
  hxx -= (sX * sX) / n
  hxy -= (sX * sY) / n
  hyy -= (sY * sY) / n
  const det = hxx * hyy - hxy * hxy
  // Structure along one direction only (or none) does not fix a displacement.
  if (!(det > 0.002 * (hxx + hyy) * (hxx + hyy)) || sTT < 0.01 * n) return
  const bv = b.value
  const bw = b.width
  const whole = n === w * h
  const startX = s.vx
  const startY = s.vy
  for (let iteration = 0; ; iteration++) {
    const ix = Math.floor(s.vx)
    const iy = Math.floor(s.vy)
    const fx = s.vx - ix
    const fy = s.vy - iy
    const w00 = (1 - fx) * (1 - fy)
    const w10 = fx * (1 - fy)
    const w01 = (1 - fx) * fy
    const w11 = fx * fy
    let sI = 0
    let sII = 0
    let sIT = 0
    let sIX = 0
    let sIY = 0
    for (let y = 0, k = 0; y < h; y++) {
      let j = (y0 + y + iy) * bw + x0 + ix
      for (let x = 0; x < w; x++, k++, j++) {
        let v = w00 * bv[j]! + w10 * bv[j + 1]! + w01 * bv[j + bw]! + w11 * bv[j + bw + 1]!
        if (!whole) v *= valid[k]!
        const t = template[k]!
        sI += v
        sII += v * v
        sIT += v * t
        const e = v - t
        sIX += e * gradientX[k]!
        sIY += e * gradientY[k]!
      }
    }
    const vT = sTT - (sT * sT) / n
    const vI = sII - (sI * sI) / n
    s.score = vT > 0 && vI > 0 ? (sIT - (sI * sT) / n) / Math.sqrt(vT * vI) : -1
    if (iteration >= iterations) return
    const mean = (sI - sT) / n
    const bx = sIX - sX * mean
    const by = sIY - sY * mean
    let dx = (hyy * bx - hxy * by) / det
    let dy = (hxx * by - hxy * bx) / det
    const step = Math.max(Math.abs(dx), Math.abs(dy))
    if (step > 1) {
      dx /= step
      dy /= step
    }
    s.vx -= dx
    s.vy -= dy
    if (Math.max(Math.abs(s.vx - startX), Math.abs(s.vy - startY)) > margin) {
      s.vx = startX
      s.vy = startY
      s.score = -1
      return
    }
    // Steps shrink several-fold each time: what is left is far below the accuracy.
    if (step < 0.02) return
  }
}

/**
 * Tries every whole shift within `range` of (s.vx, s.vy) and keeps the one of highest normalised correlation (the first in
 * raster order on a tie), set in `s.score`.
 */
export function searchPatch(a: Plane, b: Plane, s: PatchState, range: number): void {
  s.score = -1
  s.vx = Math.round(s.vx)
  s.vy = Math.round(s.vy)
  const centreX = s.vx
  const centreY = s.vy
  const aw = a.width
  const bw = b.width
  for (let dy = -range; dy <= range; dy++)
    for (let dx = -range; dx <= range; dx++) {
      const vx = centreX + dx
      const vy = centreY + dy
      const x0 = Math.max(s.x, 0, -vx)
      const y0 = Math.max(s.y, 0, -vy)
      const x1 = Math.min(s.x + s.width, a.width, b.width - vx)
      const y1 = Math.min(s.y + s.height, a.height, b.height - vy)
      if (x1 <= x0 || y1 <= y0) continue
      let n = 0
      let sT = 0
      let sTT = 0
      let sI = 0
      let sII = 0
      let sIT = 0
      for (let y = y0; y < y1; y++) {
        let j = (y + vy) * bw + x0 + vx
        for (let i = y * aw + x0; i < y * aw + x1; i++, j++) {
          const m = a.mask[i]! & b.mask[j]!
          const t = m * a.value[i]!
          const v = m * b.value[j]!
          n += m
          sT += t
          sTT += t * t
          sI += v
          sII += v * v
          sIT += v * t
        }
      }
      if (2 * n < s.width * s.height) continue
      const vT = sTT - (sT * sT) / n
      const vI = sII - (sI * sI) / n
      const score = vT > 0 && vI > 0 ? (sIT - (sI * sT) / n) / Math.sqrt(vT * vI) : -1
      if (score > s.score) {
        s.score = score
        s.vx = vx
        s.vy = vy
      }
    }
}

/** Normalised correlation of a and b shifted by whole pixels, over all that they share; -1 below `minPixels`. */
export function correlation(a: Plane, b: Plane, vx: number, vy: number, stride: number, minPixels: number): number {
  const x0 = Math.max(0, -vx)
  const y0 = Math.max(0, -vy)
  const x1 = Math.min(a.width, b.width - vx)
  const y1 = Math.min(a.height, b.height - vy)
  let n = 0
  let sT = 0
  let sTT = 0
  let sI = 0
  let sII = 0
  let sIT = 0
  for (let y = y0; y < y1; y += stride)
    for (let x = x0; x < x1; x += stride) {
      const i = y * a.width + x
      const j = (y + vy) * b.width + x + vx
      if ((a.mask[i]! & b.mask[j]!) === 0) continue
      const t = a.value[i]!
      const v = b.value[j]!
      n++
      sT += t
      sTT += t * t
      sI += v
      sII += v * v
      sIT += v * t
    }
  if (n * stride * stride < minPixels) return -1
  const vT = sTT - (sT * sT) / n
  const vI = sII - (sI * sI) / n
  return vT > 0 && vI > 0 ? (sIT - (sI * sT) / n) / Math.sqrt(vT * vI) : -1
}
