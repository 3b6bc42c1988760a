// Where one patch of a flattened image lies in another: by trying all shifts nearby, then by gradients to a fraction of a pixel.
import type { Plane } from './plane.ts'

/** A rectangle of plane a in pixels, and the displacement that takes it to plane b; `score` is -1 when it failed. */
export type PatchState = Record<'x' | 'y' | 'width' | 'height' | 'vx' | 'vy' | 'score', number>

/** Normalised correlation of n pairs of values from their sums, and the sums of their squares and products; -1 without contrast. */
function normalised(n: number, sT: number, sTT: number, sI: number, sII: number, sIT: number): number {
  const vT = sTT - (sT * sT) / n
  const vI = sII - (sI * sI) / n
  return vT > 0 && vI > 0 ? (sIT - (sI * sT) / n) / Math.sqrt(vT * vI) : -1
}

/**
 * Normalised correlation of a (or of a rectangle `part` of it) and b shifted by whole pixels, over all that they share, of
 * every `stride`-th pixel and row; -1 where they share less than `minPixels`.
 */
export function correlation(
  a: Plane,
  b: Plane,
  vx: number,
  vy: number,
  stride: number,
  minPixels: number,
  part: Pick<PatchState, 'x' | 'y' | 'width' | 'height'> = { x: 0, y: 0, width: a.width, height: a.height },
): number {
  const x0 = Math.max(part.x, 0, -vx)
  const x1 = Math.min(part.x + part.width, a.width, b.width - vx)
  const y1 = Math.min(part.y + part.height, a.height, b.height - vy)
  let n = 0
  let sT = 0
  let sTT = 0
  let sI = 0
  let sII = 0
  let sIT = 0
  for (let y = Math.max(part.y, 0, -vy); y < y1; y += stride) {
    const toB = (y + vy) * b.width + vx - y * a.width
    for (let i = y * a.width + x0, end = y * a.width + x1; i < end; i += stride) {
      // Masked pixels are 0.
      const m = a.mask[i]! & b.mask[i + toB]!
      const t = m * a.value[i]!
      const v = m * b.value[i + toB]!
      n += m
      sT += t
      sTT += t * t
      sI += v
      sII += v * v
      sIT += v * t
    }
  }
  return n * stride * stride < minPixels ? -1 : normalised(n, sT, sTT, sI, sII, sIT)
}

/**
 * Tries every whole shift within `range` of (s.vx, s.vy) and keeps the one of highest normalised correlation (the first in
 * raster order on a tie), set in `s.score`.
 */
export function searchPatch(a: Plane, b: Plane, s: PatchState, range: number): void {
  const [centreX, centreY] = [Math.round(s.vx), Math.round(s.vy)]
  s.score = -1
  s.vx = centreX
  s.vy = centreY
  for (let vy = centreY - range; vy <= centreY + range; vy++)
    for (let vx = centreX - range; vx <= centreX + range; vx++) {
      const score = correlation(a, b, vx, vy, 1, (s.width * s.height) / 2, s)
      if (score <= s.score) continue
      s.score = score
      s.vx = vx
      s.vy = vy
    }
}

let template = new Float32Array(0)
let gradientX = new Float32Array(0)
let gradientY = new Float32Array(0)
let valid = new Uint8Array(0)

/**
 * Refines `s.vx`, `s.vy` by least squares of grey differences up to a common offset (inverse compositional Lucas-Kanade:
 * Baker and Matthews 2004), moving at most `margin` pixels, and sets `s.score` to the normalised correlation.
 */
export function refinePatch(a: Plane, b: Plane, s: PatchState, iterations: number, margin: number): void {
  s.score = -1
  // The part that, with its gradients, lies inside, also when moved by v and the margin.
  const x0 = Math.max(s.x, 1, Math.ceil(margin + 1 - s.vx))
  const y0 = Math.max(s.y, 1, Math.ceil(margin + 1 - s.vy))
  const w = Math.min(s.x + s.width, a.width - 1, Math.floor(b.width - 2 - margin - s.vx)) - x0
  const h = Math.min(s.y + s.height, a.height - 1, Math.floor(b.height - 2 - margin - s.vy)) - y0
  if (w <= 0 || h <= 0 || 2 * w * h < s.width * s.height) return
  if (template.length < w * h) {
    template = new Float32Array(w * h)
    gradientX = new Float32Array(w * h)
    gradientY = new Float32Array(w * h)
    valid = new Uint8Array(w * h)
  }
  const av = a.value
  const aw = a.width
  const bv = b.value
  const bw = b.width
  let n = 0
  let sT = 0
  let sTT = 0
  let sX = 0
  let sY = 0
  let hxx = 0
  let hxy = 0
  let hyy = 0
  const toB = Math.round(s.vy) * bw + Math.round(s.vx)
  for (let y = y0, k = 0; y < y0 + h; y++)
    for (let x = x0, i = y * aw + x0, j = y * bw + x0 + toB; x < x0 + w; x++, k++, i++, j++) {
      const m = a.mask[i]! & b.mask[j]!
      const t = m * av[i]!
      const gx = m * 0.5 * (av[i + 1]! - av[i - 1]!)
      const gy = m * 0.5 * (av[i + aw]! - av[i - aw]!)
      valid[k] = m
      template[k] = t
      gradientX[k] = gx
      gradientY[k] = gy
      n += m
      sT += t
      sTT += t * t
      sX += gx
      sY += gy
      hxx += gx * gx
      hxy += gx * gy
      hyy += gy * gy
    }
  if (2 * n < s.width * s.height) return
  hxx -= (sX * sX) / n
  hxy -= (sX * sY) / n
  hyy -= (sY * sY) / n
  const det = hxx * hyy - hxy * hxy
  // Structure along one direction only (or none) does not fix a displacement.
  if (!(det > 0.002 * (hxx + hyy) * (hxx + hyy)) || sTT < 0.01 * n) return
  const whole = n === w * h
  const [startX, startY] = [s.vx, s.vy]
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
    for (let y = 0, k = 0; y < h; y++)
      for (let x = 0, j = (y0 + y + iy) * bw + x0 + ix; x < w; x++, k++, j++) {
        let v = w00 * bv[j]! + w10 * bv[j + 1]! + w01 * bv[j + bw]! + w11 * bv[j + bw + 1]!
        if (!whole) v *= valid[k]!
        const t = template[k]!
        sI += v
        sII += v * v
        sIT += v * t
        sIX += (v - t) * gradientX[k]!
        sIY += (v - t) * gradientY[k]!
      }
    s.score = normalised(n, sT, sTT, sI, sII, sIT)
    if (iteration >= iterations) return
    const mean = (sI - sT) / n
    const bx = sIX - sX * mean
    const by = sIY - sY * mean
    const dx = (hyy * bx - hxy * by) / det
    const dy = (hxx * by - hxy * bx) / det
    const step = Math.max(Math.abs(dx), Math.abs(dy))
    s.vx -= step > 1 ? dx / step : dx
    s.vy -= step > 1 ? dy / step : dy
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
