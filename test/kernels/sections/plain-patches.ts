// What kernels/sections/plane.ts, patch.ts and phase-correlation.ts compute in WebAssembly, in plain loops.
import { correlation, type PatchState } from '../../../kernels/sections/patch.ts'
import type { Plane } from '../../../kernels/sections/plane.ts'

const cell = 8
/** Local statistics are taken over (2 reach + 1) cells along each axis. */
const reach = 2

/** Per pixel of an axis: the cell to the left of it, and how far it is from its middle to that of the next, 0..1. */
function betweenCells(size: number, cells: number): { left: Int32Array; share: Float64Array } {
  const at = Float64Array.from({ length: size }, (_, i) => Math.max(0, Math.min(cells - 1, (i + 0.5) / cell - 0.5)))
  const left = Int32Array.from(at, f => Math.min(Math.max(0, cells - 2), Math.floor(f)))
  return { left, share: at.map((f, i) => f - left[i]!) }
}

/**
 * Takes out the local mean and standard deviation (over about 40 pixels), so that drift of brightness and contrast has no
 * say, and smooths with a 3 x 3 binomial. Pixels of value 0 are masked: no camera gives it to tissue.
 */
export function flatten(data: Uint8Array, width: number, height: number): Plane {
  const nx = Math.max(1, Math.ceil(width / cell))
  const ny = Math.max(1, Math.ceil(height / cell))
  const { mean, scale } = localStatistics(data, width, height, nx, ny)
  const flat = new Float32Array(width * height)
  const mask = new Uint8Array(width * height)
  const across = betweenCells(width, nx)
  const down = betweenCells(height, ny)
  const weight = Float32Array.from(across.share)
  const rowMean = new Float32Array(nx + 1)
  const rowScale = new Float32Array(nx + 1)
  for (let y = 0, o = 0; y < height; y++) {
    const here = down.left[y]! * nx
    const below = Math.min(ny - 1, down.left[y]! + 1) * nx
    const t = down.share[y]!
    for (let i = 0; i < nx; i++) {
      rowMean[i] = mean[here + i]! * (1 - t) + mean[below + i]! * t
      rowScale[i] = scale[here + i]! * (1 - t) + scale[below + i]! * t
    }
    for (let x = 0; x < width; x++, o++) {
      const v = data[o]!
      if (v === 0) continue
      const i = across.left[x]!
      const w = weight[x]!
      mask[o] = 1
      flat[o] =
        (v - rowMean[i]! - (rowMean[i + 1]! - rowMean[i]!) * w) * (rowScale[i]! + (rowScale[i + 1]! - rowScale[i]!) * w)
    }
  }
  return { width, height, value: binomial(flat, width, height, mask), mask }
}

function localStatistics(data: Uint8Array, width: number, height: number, nx: number, ny: number) {
  const count = new Float64Array(nx * ny)
  const sum = new Float64Array(nx * ny)
  const squares = new Float64Array(nx * ny)
  for (let y = 0, o = 0; y < height; y++)
    for (let i = 0, at = Math.floor(y / cell) * nx; i < nx; i++, at++)
      for (const end = y * width + Math.min(width, (i + 1) * cell); o < end; o++) {
        const v = data[o]!
        if (v === 0) continue
        count[at]!++
        sum[at]! += v
        squares[at]! += v * v
      }
  const mean = new Float32Array(nx * ny)
  const scale = new Float32Array(nx * ny)
  for (let j = 0, at = 0; j < ny; j++)
    for (let i = 0; i < nx; i++, at++) {
      let [n, s, q] = [0, 0, 0]
      for (let l = Math.max(0, j - reach); l <= Math.min(ny - 1, j + reach); l++)
        for (let k = Math.max(0, i - reach); k <= Math.min(nx - 1, i + reach); k++) {
          n += count[l * nx + k]!
          s += sum[l * nx + k]!
          q += squares[l * nx + k]!
        }
      if (n === 0) continue
      const m = s / n
      mean[at] = m
      // The summand keeps empty resin from being blown up to full contrast.
      scale[at] = 1 / (Math.sqrt(Math.max(0, q / n - m * m)) + 4)
    }
  return { mean, scale }
}

/** 3 x 3 binomial filter; the border repeats; masked pixels stay 0. */
function binomial(a: Float32Array, width: number, height: number, mask: Uint8Array): Float32Array {
  const rows = new Float32Array(a.length)
  for (let o = 0; o < a.length; o += width) {
    const last = o + width - 1
    for (let i = o + 1; i < last; i++) rows[i] = 0.25 * (a[i - 1]! + a[i + 1]!) + 0.5 * a[i]!
    rows[o] = width > 1 ? 0.75 * a[o]! + 0.25 * a[o + 1]! : a[o]!
    if (width > 1) rows[last] = 0.75 * a[last]! + 0.25 * a[last - 1]!
  }
  const out = new Float32Array(a.length)
  for (let y = 0, i = 0; y < height; y++) {
    const up = y > 0 ? -width : 0
    const down = y < height - 1 ? width : 0
    for (let x = 0; x < width; x++, i++) out[i] = mask[i]! * (0.25 * (rows[i + up]! + rows[i + down]!) + 0.5 * rows[i]!)
  }
  return out
}

/** Means of 2 x 2 pixels, a last odd row or column left out; masked unless three of the four are there. */
export function halve(p: Plane): Plane {
  const width = p.width >> 1
  const height = p.height >> 1
  const value = new Float32Array(width * height)
  const mask = new Uint8Array(width * height)
  for (let y = 0, o = 0; y < height; y++)
    for (let x = 0, i = 2 * y * p.width, j = i + p.width; x < width; x++, o++, i += 2, j += 2) {
      if (p.mask[i]! + p.mask[i + 1]! + p.mask[j]! + p.mask[j + 1]! < 3) continue
      mask[o] = 1
      value[o] = 0.25 * (p.value[i]! + p.value[i + 1]! + p.value[j]! + p.value[j + 1]!)
    }
  return { width, height, value, mask }
}

/** Normalised correlation of n pairs of values from their sums, and the sums of their squares and products; -1 without contrast. */
function normalised(n: number, sT: number, sTT: number, sI: number, sII: number, sIT: number): number {
  const vT = sTT - (sT * sT) / n
  const vI = sII - (sI * sI) / n
  return vT > 0 && vI > 0 ? (sIT - (sI * sT) / n) / Math.sqrt(vT * vI) : -1
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
  const [template, gradientX, gradientY] = [0, 1, 2].map(() => new Float32Array(w * h)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  const valid = new Uint8Array(w * h)
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

/** Sums over a line of so many samples of those times a turning pointer. */
function transformed(re: readonly number[], im: readonly number[], sign: number): [number[], number[]] {
  const n = re.length
  const sum = (k: number, turn: (angle: number, i: number) => number) =>
    re.reduce((s, _, i) => s + turn((sign * 2 * Math.PI * k * i) / n, i), 0)
  return [
    re.map((_, k) => sum(k, (angle, i) => re[i]! * Math.cos(angle) - im[i]! * Math.sin(angle))),
    re.map((_, k) => sum(k, (angle, i) => re[i]! * Math.sin(angle) + im[i]! * Math.cos(angle))),
  ]
}

function transformed2(re: number[], im: number[], width: number, sign: number): [number[], number[]] {
  const [outRe, outIm] = [re.slice(), im.slice()]
  const lines = [
    ...Array.from({ length: re.length / width }, (_, y) => Array.from({ length: width }, (_, x) => y * width + x)),
    ...Array.from({ length: width }, (_, x) => Array.from({ length: re.length / width }, (_, y) => y * width + x)),
  ]
  for (const line of lines) {
    const [r, m] = transformed(
      line.map(i => outRe[i]!),
      line.map(i => outIm[i]!),
      sign,
    )
    line.forEach((i, k) => ([outRe[i], outIm[i]] = [r[k]!, m[k]!]))
  }
  return [outRe, outIm]
}

/** The phase correlation of two padded images, with the weight that spares high frequencies. */
export function correlated(a: number[], b: number[], width: number): number[] {
  const height = a.length / width
  const none = a.map(() => 0)
  const [ar, ai] = transformed2(a, none, width, -1)
  const [br, bi] = transformed2(b, none, width, -1)
  const [re, im] = [none.slice(), none.slice()]
  a.forEach((_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    const [fx, fy] = [Math.min(x, width - x) / width, Math.min(y, height - y) / height]
    const r = ar[i]! * br[i]! + ai[i]! * bi[i]!
    const m = ar[i]! * bi[i]! - ai[i]! * br[i]!
    const weight = Math.hypot(r, m) * (1 + 200 * (fx * fx + fy * fy))
    if (weight > 0) [re[i], im[i]] = [r / weight, m / weight]
  })
  return transformed2(re, im, width, 1)[0]
}
