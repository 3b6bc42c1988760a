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
  const sums = new Uint16Array(ox)
  for (let z = 0, to = 0; z < oz; z++)
    for (let y = 0; y < oy; y++, to += ox) {
      sums.fill(0)
      const rows = rowsOf(shape, factor, y, z)
      for (const row of rows)
        if (factor[0] === 1) for (let x = 0; x < ox; x++) sums[x]! += data[row + x]!
        else
          for (let x = 0, at = row; x < ox; x++, at += 2) sums[x]! += data[at]! + (2 * x + 1 < sx ? data[at + 1]! : 0)
      for (let x = 0; x < ox; x++) {
        const n = rows.length * (factor[0] === 2 && 2 * x + 1 < sx ? 2 : 1)
        result[to + x] = Math.floor((2 * sums[x]! + n) / (2 * n))
      }
    }
  return { data: result, shape: out }
}

/**
 * The most frequent id of each cell; of equally frequent ones that which comes first in raster order. x fastest.
 * Ids are compared as two 32-bit halves: no bigint per voxel.
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
  const from = new Uint32Array(labels.buffer, labels.byteOffset, labels.length * 2)
  const to = new Uint32Array(result.buffer)
  const at = new Int32Array(8)
  for (let z = 0, o = 0; z < oz; z++)
    for (let y = 0; y < oy; y++) {
      const rows = rowsOf(shape, factor, y, z)
      for (let x = 0; x < ox; x++, o += 2) {
        const first = 2 * (x * factor[0] + rows[0]!)
        const lo = from[first]!
        const hi = from[first + 1]!
        const wide = factor[0] === 2 && 2 * x + 1 < sx
        // Most cells lie inside one segment.
        let n = 0
        let same = true
        for (let k = 0; k < rows.length; k++) {
          const v = 2 * (x * factor[0] + rows[k]!)
          at[n++] = v
          same &&= from[v] === lo && from[v + 1] === hi
          if (!wide) continue
          at[n++] = v + 2
          same &&= from[v + 2] === lo && from[v + 3] === hi
        }
        const best = same ? first : mostFrequent(from, at, n)
        to[o] = from[best]!
        to[o + 1] = from[best + 1]!
      }
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

/** Place of the most frequent of `n` ids, the first of equally frequent ones; ids and places are in 32-bit words. */
function mostFrequent(words: Uint32Array, at: Int32Array, n: number): number {
  let best = at[0]!
  let most = 0
  for (let i = 0; i < n && most * 2 <= n; i++) {
    let same = 0
    for (let j = 0; j < n; j++) if (words[at[i]!] === words[at[j]!] && words[at[i]! + 1] === words[at[j]! + 1]) same++
    if (same > most) {
      most = same
      best = at[i]!
    }
  }
  return best
}
