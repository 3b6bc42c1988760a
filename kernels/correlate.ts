// Where a patch lies in another image: phase correlation for a first guess, normalised correlation for the decision.
import { fft2, nextPowerOfTwo } from './fft.ts'

/** Grey image, x fastest; 0 means that nothing was recorded there. */
export interface Picture {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

export interface Shift {
  readonly dx: number
  readonly dy: number
  /** Normalised correlation of what overlaps. */
  readonly score: number
}

/** Zero-mean, with a raised-cosine window, padded with zeros to width x height. */
function windowed(p: Picture, width: number, height: number): Float64Array {
  let [sum, n] = [0, 0]
  for (const v of p.data)
    if (v > 0) {
      sum += v
      n++
    }
  const mean = n ? sum / n : 0
  const fade = (i: number, length: number): number => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / length)
  const out = new Float64Array(width * height)
  for (let y = 0; y < p.height; y++) {
    const wy = Math.sqrt(fade(y, p.height))
    for (let x = 0; x < p.width; x++) {
      const v = p.data[y * p.width + x]!
      if (v > 0) out[y * width + x] = (v - mean) * wy * Math.sqrt(fade(x, p.width))
    }
  }
  return out
}

/**
 * Integer shifts (b shows at p + (dx, dy) what a shows at p) at the highest peaks of the phase correlation, within `most`
 * pixels, best first (Kuglin and Hines 1975).
 */
export function phasePeaks(a: Picture, b: Picture, most: number, count: number): { dx: number; dy: number }[] {
  const width = nextPowerOfTwo(Math.max(a.width, b.width) + most)
  const height = nextPowerOfTwo(Math.max(a.height, b.height) + most)
  const n = width * height
  const [ar, ai, br, bi] = [windowed(a, width, height), new Float64Array(n), windowed(b, width, height), new Float64Array(n)]
  fft2({ width, height, re: ar, im: ai }, false)
  fft2({ width, height, re: br, im: bi }, false)
  for (let i = 0; i < n; i++) {
    const re = br[i]! * ar[i]! + bi[i]! * ai[i]!
    const im = bi[i]! * ar[i]! - br[i]! * ai[i]!
    const m = Math.sqrt(re * re + im * im) + 1e-9
    // Square-root whitening: full whitening lets noise at high frequencies outvote the structure.
    const w = 1 / Math.sqrt(m)
    ar[i] = re * w
    ai[i] = im * w
  }
  fft2({ width, height, re: ar, im: ai }, true)
  const peaks: { dx: number; dy: number; value: number }[] = []
  for (let dy = -most; dy <= most; dy++)
    for (let dx = -most; dx <= most; dx++) {
      const value = ar[((dy + height) % height) * width + ((dx + width) % width)]!
      if (peaks.length < count || value > peaks.at(-1)!.value) {
        const near = peaks.findIndex(p => Math.abs(p.dx - dx) <= 2 && Math.abs(p.dy - dy) <= 2)
        if (near >= 0) {
          if (peaks[near]!.value >= value) continue
          peaks.splice(near, 1)
        }
        peaks.push({ dx, dy, value })
        peaks.sort((p, q) => q.value - p.value)
        peaks.length = Math.min(peaks.length, count)
      }
    }
  return peaks
}

/** Normalised correlation of the window (x0, y0, w, h) of a with b moved by (dx, dy); -1 where too little overlaps. */
export function correlation(a: Picture, b: Picture, x0: number, y0: number, w: number, h: number, dx: number, dy: number): number {
  const [left, right] = [Math.max(x0, -dx, 0), Math.min(x0 + w, b.width - dx, a.width)]
  const [top, bottom] = [Math.max(y0, -dy, 0), Math.min(y0 + h, b.height - dy, a.height)]
  let [n, sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0, 0]
  for (let y = top; y < bottom; y++) {
    let i = y * a.width + left
    let j = (y + dy) * b.width + left + dx
    for (let x = left; x < right; x++, i++, j++) {
      const [u, v] = [a.data[i]!, b.data[j]!]
      if (u === 0 || v === 0) continue
      n++
      sa += u
      sb += v
      saa += u * u
      sbb += v * v
      sab += u * v
    }
  }
  if (n * 3 < w * h) return -1
  const va = saa - (sa * sa) / n
  const vb = sbb - (sb * sb) / n
  return va > 0 && vb > 0 ? (sab - (sa * sb) / n) / Math.sqrt(va * vb) : -1
}

/** Top of the parabola through three values at -1, 0, 1; 0 where there is none. */
const parabola = (l: number, c: number, r: number): number => {
  const bend = l - 2 * c + r
  return bend < 0 ? Math.max(-0.5, Math.min(0.5, (0.5 * (l - r)) / bend)) : 0
}

/** Climbs from (dx, dy) to the best integer shift nearby and refines it by parabolas. */
export function refine(
  a: Picture,
  b: Picture,
  window: readonly [number, number, number, number],
  start: { readonly dx: number; readonly dy: number },
  reach: number,
): Shift {
  const [x0, y0, w, h] = window
  const known = new Map<number, number>()
  const at = (dx: number, dy: number): number => {
    const k = (dy + 4096) * 8192 + dx + 4096
    let v = known.get(k)
    if (v === undefined) known.set(k, (v = correlation(a, b, x0, y0, w, h, dx, dy)))
    return v
  }
  let { dx, dy } = start
  for (let moved = true; moved; ) {
    moved = false
    for (let v = -1; v <= 1; v++)
      for (let u = -1; u <= 1; u++)
        if (Math.abs(dx + u - start.dx) <= reach && Math.abs(dy + v - start.dy) <= reach && at(dx + u, dy + v) > at(dx, dy)) {
          dx += u
          dy += v
          moved = true
        }
  }
  return {
    dx: dx + parabola(at(dx - 1, dy), at(dx, dy), at(dx + 1, dy)),
    dy: dy + parabola(at(dx, dy - 1), at(dx, dy), at(dx, dy + 1)),
    score: at(dx, dy),
  }
}
