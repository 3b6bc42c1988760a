// Downsampling by 1 or 2 per axis: the mean of grey values, the majority of labels.
import { WasmKernel } from './wasm.ts'
import { meanWasm } from './wasm/mean.wasm.ts'
import { map3 } from './types.ts'
import type { Vec3 } from './types.ts'

export interface Downsampled<T> {
  readonly data: T
  readonly shape: Vec3
}

const outShape = (shape: Vec3, factor: Vec3): Vec3 => map3(a => Math.ceil(shape[a] / factor[a]))

type Mean = (upper: number, lower: number, out: number, sx: number, sy: number, wide: number, high: number) => void
let wasm: WasmKernel<{ mean: Mean }> | undefined
/** About so many bytes of a plane are averaged at a time, so that they stay in the cache; and how far vectors reach beyond them. */
const STRIP = 1 << 17
const BEYOND = 31

/** Mean of each cell, rounded half up; the last cell of an odd axis averages what is there. x fastest. */
export function downsampleMean(data: Uint8Array, shape: Vec3, factor: Vec3): Downsampled<Uint8Array<ArrayBuffer>> {
  wasm ??= new WasmKernel(meanWasm)
  const [sx, sy, sz] = shape
  const out = outShape(shape, factor)
  const [ox, oy, oz] = out
  const result = new Uint8Array(ox * oy * oz)
  const strip = 2 * Math.min(Math.ceil(STRIP / 2 / sx), sy)
  const [planes, to] = wasm.place(2 * strip * sx + BEYOND, ox * strip + BEYOND)
  for (let z = 0; z < oz; z++)
    for (let y = 0; y < sy; y += strip) {
      const rows = Math.min(strip, sy - y)
      const [upper, lower] = [z * factor[2], Math.min((z + 1) * factor[2], sz) - 1]
      for (let k = upper; k <= lower; k++) {
        const from = sx * (y + sy * k)
        wasm.bytes(planes + (k - upper) * strip * sx, rows * sx).set(data.subarray(from, from + rows * sx))
      }
      wasm.call.mean(planes, planes + (lower - upper) * strip * sx, to, sx, rows, factor[0], factor[1])
      result.set(wasm.bytes(to, ox * Math.ceil(rows / factor[1])), ox * (y / factor[1] + oy * z))
    }
  return { data: result, shape: out }
}

/**
 * The most frequent id of each cell; of equally frequent ones that which comes first in raster order. x fastest.
 */
export function downsampleMode(
  labels: BigUint64Array,
  shape: Vec3,
  factor: Vec3,
): Downsampled<BigUint64Array<ArrayBuffer>> {
  const [sx] = shape
  const out = outShape(shape, factor)
  const [ox, oy, oz] = out
  const result = new BigUint64Array(ox * oy * oz)
  const cell = new BigUint64Array(8)
  // Cells of two voxels along x; those of one are the last of an odd row, or all.
  const pairs = factor[0] === 2 ? sx >> 1 : 0
  for (let z = 0, o = 0; z < oz; z++)
    for (let y = 0; y < oy; y++) {
      const four = fourRows(shape, factor, y, z)
      const rows = [...new Set(four)]
      const [a, b, c, d] = four
      for (let x = 0, v = 0; x < pairs; x++, v += 2, o++) {
        const id = labels[a + v]!
        // Most cells lie inside one segment.
        const same =
          id === labels[a + v + 1] &&
          id === labels[b + v] &&
          id === labels[b + v + 1] &&
          id === labels[c + v] &&
          id === labels[c + v + 1] &&
          id === labels[d + v] &&
          id === labels[d + v + 1]
        result[o] = same ? id : mostFrequent(labels, rows, v, 2, cell)
      }
      for (let x = pairs; x < ox; x++, o++) result[o] = mostFrequent(labels, rows, x * factor[0], 1, cell)
    }
  return { data: result, shape: out }
}

/**
 * Where the rows of the cells (., y, z) begin in the volume, in raster order; where there are fewer than four, each as often as
 * makes four: that changes neither their mean nor whether they are equal nor which is the most frequent.
 */
function fourRows([sx, sy, sz]: Vec3, factor: Vec3, y: number, z: number): [number, number, number, number] {
  const [top, upper] = [y * factor[1], z * factor[2]]
  const [bottom, lower] = [Math.min(sy, top + factor[1]) - 1, Math.min(sz, upper + factor[2]) - 1]
  return [sx * (top + sy * upper), sx * (bottom + sy * upper), sx * (top + sy * lower), sx * (bottom + sy * lower)]
}

/**
 * The most frequent id, the first of equally frequent ones, of the cell that is `width` wide from column `x` of some rows on;
 * `cell` is scratch.
 */
function mostFrequent(labels: BigUint64Array, rows: readonly number[], x: number, width: number, cell: BigUint64Array) {
  let n = 0
  for (const row of rows) for (let k = 0; k < width; k++) cell[n++] = labels[row + x + k]!
  let best = 0
  let most = 0
  // An id that came before is counted from where it was first.
  for (let i = 0; most < n - i; i++) {
    const id = cell[i]!
    let count = 1
    for (let j = i + 1; j < n; j++) if (cell[j] === id) count++
    if (count <= most) continue
    most = count
    best = i
  }
  return cell[best]!
}
