// Downsampling by 1 or 2 per axis: the mean of grey values, the majority of labels.
import { map3 } from './types.ts'
import type { Vec3 } from './types.ts'

export interface Downsampled<T> {
  readonly data: T
  readonly shape: Vec3
}

const outShape = (shape: Vec3, factor: Vec3): Vec3 => map3(a => Math.ceil(shape[a] / factor[a]))

/** Mean of each cell, rounded half up; the last cell of an odd axis averages what is there. x fastest. */
export function downsampleMean(data: Uint8Array, shape: Vec3, factor: Vec3): Downsampled<Uint8Array<ArrayBuffer>> {
  const [sx] = shape
  const out = outShape(shape, factor)
  const [ox, oy, oz] = out
  const result = new Uint8Array(ox * oy * oz)
  const pairs = factor[0] === 2 ? sx >> 1 : 0
  for (let z = 0, o = 0; z < oz; z++)
    for (let y = 0; y < oy; y++) {
      let [a, b, c, d] = fourRows(shape, factor, y, z)
      for (const end = o + pairs; o < end; o++, a += 2, b += 2, c += 2, d += 2) {
        const upper = data[a]! + data[a + 1]! + data[b]! + data[b + 1]!
        result[o] = (upper + data[c]! + data[c + 1]! + data[d]! + data[d + 1]! + 4) >> 3
      }
      for (let x = pairs; x < ox; x++, o++) result[o] = (data[a++]! + data[b++]! + data[c++]! + data[d++]! + 2) >> 2
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
      const rows = rowsOf(shape, factor, y, z)
      const [a, b, c, d] = fourRows(shape, factor, y, z)
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

/** Where the rows of the cells (., y, z) begin in the volume: one, two or four of them, in raster order. */
function rowsOf([sx, sy, sz]: Vec3, factor: Vec3, y: number, z: number): number[] {
  const rows: number[] = []
  for (let w = z * factor[2]; w < Math.min(sz, (z + 1) * factor[2]); w++)
    for (let v = y * factor[1]; v < Math.min(sy, (y + 1) * factor[1]); v++) rows.push(sx * (v + sy * w))
  return rows
}

/** The same, each as often as makes four: that changes neither their mean nor whether they are equal. */
function fourRows(shape: Vec3, factor: Vec3, y: number, z: number): [number, number, number, number] {
  const rows = rowsOf(shape, factor, y, z)
  return [rows[0]!, rows[1 % rows.length]!, rows[2 % rows.length]!, rows[3 % rows.length]!]
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
