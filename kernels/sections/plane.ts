// Images made ready for matching: local mean and contrast taken out, pixels without tissue masked, and halved again and again.
import { WasmKernel } from '../wasm.ts'
import { planeWasm } from '../wasm/plane.wasm.ts'

/** `value` is 0 where `mask` is 0. Pixel (i, j) of level n covers 2^n pixels of the image along each axis. */
export interface Plane {
  readonly width: number
  readonly height: number
  readonly value: Float32Array
  readonly mask: Uint8Array
}

const cell = 8
/** Local statistics are taken over (2 reach + 1) cells along each axis. */
const reach = 2

type Step = (...addressesAndSizes: number[]) => void
type Steps = 'cells' | 'around' | 'moments' | 'normalise' | 'binomial' | 'halve'
let wasm: WasmKernel<Record<Steps, Step>> | undefined

/**
 * Takes out the local mean and standard deviation (over about 40 pixels), so that drift of brightness and contrast has no
 * say, and smooths with a 3 x 3 binomial. Pixels of value 0 are masked: no camera gives it to tissue. Then halves the image so
 * many times.
 */
export const flatten = (data: Uint8Array, width: number, height: number, halvings = 0): Plane =>
  flatPyramid(data, width, height, halvings + 1, halvings)[0]!

/**
 * The flattened image and its halvings from the `first` on, up to `levels` with the full one. A halving has means of 2 x 2 pixels, a last
 * odd row or column left out; masked unless three of the four are there.
 */
export function flatPyramid(data: Uint8Array, width: number, height: number, levels: number, first = 0): Plane[] {
  wasm ??= new WasmKernel(planeWasm)
  const { call } = wasm
  const n = width * height
  const nx = Math.max(1, Math.ceil(width / cell))
  const ny = Math.max(1, Math.ceil(height / cell))
  const all = 4 * nx * ny
  const [image, sums, wide, lines, flat, rows, seen] = wasm.place(n, 3 * all, 3 * all, 8 * (nx + 2), 4 * n, 4 * n, n)
  wasm.bytes(image, n).set(data)
  call.cells(image, sums, width, height, nx, ny)
  call.around(sums, wide, 3 * ny, 4 * nx, nx, 4, reach)
  for (let k = 0; k < 3; k++) call.around(wide + k * all, sums + k * all, nx, 4, ny, 4 * nx, reach)
  call.moments(sums, nx * ny)
  call.normalise(image, sums + all, sums + 2 * all, lines, flat, seen, width, height, nx, ny)
  call.binomial(flat, rows, seen, flat, width, height)
  const out: Plane[] = []
  let [value, mask, nextValue, nextMask, w, h] = [flat, seen, rows, image, width, height]
  for (let level = 0; level < levels; level++) {
    if (level > 0) {
      call.halve(value, mask, nextValue, nextMask, w, h)
      ;[value, mask, nextValue, nextMask, w, h] = [nextValue, nextMask, value, mask, w >> 1, h >> 1]
    }
    if (level < first) continue
    out.push({ width: w, height: h, value: wasm.floats(value, w * h).slice(), mask: wasm.bytes(mask, w * h).slice() })
  }
  return out
}
