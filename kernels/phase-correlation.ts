// Which shifts bring one image onto another: the highest peaks of their phase correlation.
import { fft2, nextPowerOfTwo } from './fft.ts'

/** A grey image of zero mean; `data` is read from `offset` on, with `stride` from row to row. */
export interface Crop {
  readonly data: Float32Array
  readonly offset: number
  readonly stride: number
  readonly width: number
  readonly height: number
}

export interface Peak {
  readonly dx: number
  readonly dy: number
  readonly height: number
}

/**
 * Phase correlation (Kuglin and Hines 1975) of two crops, zero-padded. A peak (dx, dy) says: what a shows at p, b shows
 * at p + (dx, dy). Shifts are whole pixels, at most (maxX, maxY) in size; the highest come first, ties by dy, then dx.
 */
export function phaseCorrelation(a: Crop, b: Crop, maxX: number, maxY: number, count: number): Peak[] {
  const width = nextPowerOfTwo(Math.max(a.width, b.width) + Math.min(maxX, Math.min(a.width, b.width)))
  const height = nextPowerOfTwo(Math.max(a.height, b.height) + Math.min(maxY, Math.min(a.height, b.height)))
  // Two real images share one complex transform.
  const re = new Float64Array(width * height)
  const im = new Float64Array(width * height)
  copy(a, re, width)
  copy(b, im, width)
  const spectrum = { width, height, re, im }
  fft2(spectrum, false)
  whiten(spectrum)
  fft2(spectrum, true)
  return peaks(re, width, height, maxX, maxY, count)
}

/** Fades the outer eighth of the crop to zero, so that its border is no structure. */
function copy(c: Crop, to: Float64Array, stride: number): void {
  const wx = taper(c.width)
  const wy = taper(c.height)
  for (let y = 0; y < c.height; y++)
    for (let x = 0; x < c.width; x++) to[y * stride + x] = c.data[c.offset + y * c.stride + x]! * wx[x]! * wy[y]!
}

function taper(n: number): Float64Array {
  const edge = Math.max(1, n >> 3)
  return Float64Array.from({ length: n }, (_, i) => Math.min(1, (Math.min(i, n - 1 - i) + 1) / (edge + 1)))
}

/** Turns the spectrum of a + ib into conj(A) B, of modulus one up to a falling weight that spares the noisy high frequencies. */
function whiten(s: {
  readonly width: number
  readonly height: number
  readonly re: Float64Array
  readonly im: Float64Array
}): void {
  const { width, height, re, im } = s
  const outRe = new Float64Array(re.length)
  const outIm = new Float64Array(re.length)
  for (let y = 0; y < height; y++) {
    const my = (height - y) % height
    const fy = Math.min(y, height - y) / height
    for (let x = 0; x < width; x++) {
      const i = y * width + x
      const j = my * width + ((width - x) % width)
      const ar = re[i]! + re[j]!
      const ai = im[i]! - im[j]!
      const br = im[i]! + im[j]!
      const bi = re[j]! - re[i]!
      const r = ar * br + ai * bi
      const m = ar * bi - ai * br
      const fx = Math.min(x, width - x) / width
      const size = Math.sqrt(r * r + m * m)
      const w = size > 0 ? 1 / (size * (1 + 200 * (fx * fx + fy * fy))) : 0
      outRe[i] = r * w
      outIm[i] = m * w
    }
  }
  re.set(outRe)
  im.set(outIm)
}

function peaks(r: Float64Array, width: number, height: number, maxX: number, maxY: number, count: number): Peak[] {
  const limX = Math.min(maxX, (width >> 1) - 1)
  const limY = Math.min(maxY, (height >> 1) - 1)
  const at = (dx: number, dy: number) => r[((dy + height) % height) * width + ((dx + width) % width)]!
  const found: Peak[] = []
  for (let dy = -limY; dy <= limY; dy++)
    for (let dx = -limX; dx <= limX; dx++) {
      const h = at(dx, dy)
      if (found.length === count && h <= found[count - 1]!.height) continue
      if (h < at(dx - 1, dy) || h < at(dx + 1, dy) || h < at(dx, dy - 1) || h < at(dx, dy + 1)) continue
      let i = found.length
      while (i > 0 && found[i - 1]!.height < h) i--
      found.splice(i, 0, { dx, dy, height: h })
      if (found.length > count) found.pop()
    }
  return found
}
