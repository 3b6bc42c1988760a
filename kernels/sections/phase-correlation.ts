// Which shifts bring one image onto another: the highest peaks of their phase correlation.
import { fft2, nextPowerOfTwo } from './fft.ts'
import type { Spectrum } from './fft.ts'
import type { Plane } from './plane.ts'

/** A grey image of zero mean; `data` is read from `offset` on, with `stride` from row to row. */
interface Crop extends Readonly<Record<'offset' | 'stride' | 'width' | 'height', number>> {
  readonly data: Float32Array
}

type Peak = Readonly<Record<'dx' | 'dy' | 'height', number>>

/** A rectangle of an image, cut where the image ends. */
export const crop = (p: Plane, x = 0, y = 0, width: number = p.width, height: number = p.height): Crop => ({
  data: p.value,
  offset: y * p.width + x,
  stride: p.width,
  width: Math.min(width, p.width - x),
  height: Math.min(height, p.height - y),
})

/**
 * Phase correlation (Kuglin and Hines 1975) of two crops, zero-padded. A peak (dx, dy) says: what a shows at p, b shows
 * at p + (dx, dy). Shifts are whole pixels, at most `most` along each axis; the highest come first, ties by dy, then dx.
 */
export function phaseCorrelation(a: Crop, b: Crop, most: number, count: number): Peak[] {
  const padded = (m: number, n: number) => nextPowerOfTwo(Math.max(m, n) + Math.min(most, m, n))
  const width = padded(a.width, b.width)
  const height = padded(a.height, b.height)
  // Two real images share one complex transform.
  const spectrum = { width, height, re: new Float64Array(width * height), im: new Float64Array(width * height) }
  copy(a, spectrum.re, width)
  copy(b, spectrum.im, width)
  fft2(spectrum, false)
  const whitened = whiten(spectrum)
  fft2(whitened, true)
  return peaks(whitened, most, count)
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

/** From the spectrum of a + ib conj(A) B, of modulus one up to a falling weight that spares the noisy high frequencies. */
function whiten({ width, height, re, im }: Spectrum): Spectrum {
  const out = { width, height, re: new Float64Array(re.length), im: new Float64Array(re.length) }
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
      out.re[i] = r * w
      out.im[i] = m * w
    }
  }
  return out
}

function peaks({ width, height, re }: Spectrum, most: number, count: number): Peak[] {
  const limX = Math.min(most, (width >> 1) - 1)
  const limY = Math.min(most, (height >> 1) - 1)
  const at = (dx: number, dy: number) => re[((dy + height) % height) * width + ((dx + width) % width)]!
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
