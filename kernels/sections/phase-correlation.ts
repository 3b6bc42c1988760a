// Which shifts bring one image onto another: the highest peaks of their phase correlation.
import { WasmKernel } from '../wasm.ts'
import { fftWasm } from '../wasm/fft.wasm.ts'
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

type Step = (...addressesAndSizes: number[]) => void
let wasm: WasmKernel<Record<'transpose' | 'columns' | 'whiten', Step>> | undefined

/** The power of two that holds two lengths and a shift. */
function padded(m: number, n: number, most: number): number {
  let size = 4
  while (size < Math.max(m, n) + Math.min(most, m, n)) size *= 2
  return size
}

/** Cosines and sines of n / 2 equal parts of half a circle. */
const turnsOf = (n: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => {
    const angle = (2 * Math.PI * (i >> 1)) / n
    return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle)
  })

/**
 * Phase correlation (Kuglin and Hines 1975) of two crops, zero-padded. A peak (dx, dy) says: what a shows at p, b shows
 * at p + (dx, dy). Shifts are whole pixels, at most `most` along each axis; the highest come first, ties by dy, then dx.
 */
export function phaseCorrelation(a: Crop, b: Crop, most: number, count: number): Peak[] {
  wasm ??= new WasmKernel(fftWasm)
  const width = padded(a.width, b.width, most)
  const height = padded(a.height, b.height, most)
  const n = width * height
  const [re, im, otherRe, otherIm, across, down] = wasm.place(4 * n, 4 * n, 4 * n, 4 * n, 4 * width, 4 * height)
  // Two real images share one complex transform.
  copy(a, wasm.floats(re, n).fill(0), width)
  copy(b, wasm.floats(im, n).fill(0), width)
  wasm.floats(across, width).set(turnsOf(width))
  wasm.floats(down, height).set(turnsOf(height))
  const { transpose, columns, whiten } = wasm.call
  columns(re, im, width, height, down, -1)
  transpose(re, otherRe, width, height)
  transpose(im, otherIm, width, height)
  columns(otherRe, otherIm, height, width, across, -1)
  whiten(otherRe, otherIm, re, im, height, width)
  columns(re, im, height, width, across, 1)
  transpose(re, otherRe, height, width)
  transpose(im, otherIm, height, width)
  columns(otherRe, otherIm, width, height, down, 1)
  return peaks(wasm.floats(otherRe, n), width, height, most, count)
}

/** Fades the outer eighth of the crop to zero, so that its border is no structure. */
function copy(c: Crop, to: Float32Array, stride: number): void {
  const wx = taper(c.width)
  const wy = taper(c.height)
  for (let y = 0; y < c.height; y++)
    for (let x = 0; x < c.width; x++) to[y * stride + x] = c.data[c.offset + y * c.stride + x]! * wx[x]! * wy[y]!
}

function taper(n: number): Float64Array {
  const edge = Math.max(1, n >> 3)
  return Float64Array.from({ length: n }, (_, i) => Math.min(1, (Math.min(i, n - 1 - i) + 1) / (edge + 1)))
}

function peaks(re: Float32Array, width: number, height: number, most: number, count: number): Peak[] {
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
