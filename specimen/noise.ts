// Smooth noise in periodic tables: what bends membranes and grains cytoplasm, looked up at integer coordinates.
import { mix } from './random.ts'

/** Tables repeat every 128 voxels along each axis, so that a lookup is a mask and never depends on the box asked for. */
const period = 128
const bits = 7

/** `warpX` .. `warpZ`: displacement of the specimen in 1/256 voxel. */
export interface NoiseTables extends Readonly<Record<'warpX' | 'warpY' | 'warpZ', Int16Array>> {
  /** No displacement along an axis is larger than this, voxels. */
  readonly largestWarp: number
  /** Blotches of cytoplasm, 3 to 6 voxels across, standard deviation 32. */
  readonly blotch: Int8Array
  /** Grain of 1 to 2 voxels, standard deviation 32. */
  readonly grain: Int8Array
}

/** Index of integer coordinates (any sign) in a table. */
export const tableIndex = (x: number, y: number, z: number): number =>
  (x & (period - 1)) | ((y & (period - 1)) << bits) | ((z & (period - 1)) << (2 * bits))

/** A periodic cube of smooth noise under construction: `side` values along each axis. */
interface Cube {
  readonly side: number
  readonly data: Float32Array
}

function white(side: number, seed: number, purpose: number): Cube {
  const data = new Float32Array(side ** 3)
  const key = mix(seed | 0, purpose)
  for (let i = 0; i < data.length; i++) data[i] = mix(key, i) / 2147483648 - 1
  return { side, data }
}

/** Periodic box filter of half-width `half` along the axis of a stride; `from` and `to` differ. */
function box(from: Cube, to: Cube, stride: number, half: number): void {
  const { side, data } = from
  const scale = 1 / (2 * half + 1)
  const out = to.data
  const sums = new Float64Array(stride)
  for (let start = 0; start < data.length; start += side * stride) {
    sums.fill(0)
    for (let k = -half; k <= half; k++) {
      const line = start + (k < 0 ? k + side : k) * stride
      for (let i = 0; i < stride; i++) sums[i]! += data[line + i]!
    }
    let enter = start + (half + 1) * stride
    let leave = start + (side - half) * stride
    const end = start + side * stride
    if (stride === 1) {
      let sum = sums[0]!
      for (let k = start; k < end; k++) {
        out[k] = sum * scale
        sum += data[enter]! - data[leave]!
        if (++enter === end) enter = start
        if (++leave === end) leave = start
      }
      continue
    }
    for (let here = start; here < end; here += stride) {
      for (let i = 0; i < stride; i++) {
        const sum = sums[i]!
        out[here + i] = sum * scale
        sums[i] = sum + data[enter + i]! - data[leave + i]!
      }
      enter = enter + stride === end ? start : enter + stride
      leave = leave + stride === end ? start : leave + stride
    }
  }
}

/** Repeated box filters come close to a Gaussian. */
function smooth(cube: Cube, half: number, times: number): Cube {
  const { side } = cube
  let a: Cube = { side, data: cube.data.slice() }
  let b: Cube = { side, data: new Float32Array(cube.data.length) }
  for (let t = 0; t < times; t++)
    for (const stride of [1, side, side * side]) {
      box(a, b, stride, half)
      ;[a, b] = [b, a]
    }
  return a
}

/** Twice as fine along every axis, by the uniform cubic B-spline over the values of a periodic cube. */
function refine({ side, data }: Cube): Cube {
  let from = data
  for (let axis = 0; axis < 3; axis++) {
    const stride = (2 * side) ** axis
    const to = new Float32Array(from.length * 2)
    for (let start = 0; start < from.length; start += side * stride)
      for (let k = 0; k < side; k++) {
        const c = start + k * stride
        const p = k === 0 ? c + (side - 1) * stride : c - stride
        const q = k + 1 === side ? start : c + stride
        const r = q + stride === start + side * stride ? start : q + stride
        const out = 2 * c
        for (let i = 0; i < stride; i++) {
          to[out + i] = (from[p + i]! + 4 * from[c + i]! + from[q + i]!) / 6
          to[out + stride + i] = (from[p + i]! + 23 * (from[c + i]! + from[q + i]!) + from[r + i]!) / 48
        }
      }
    from = to
  }
  return { side: 2 * side, data: from }
}

function deviation(a: Float32Array): number {
  let sum = 0
  let squares = 0
  for (let i = 0; i < a.length; i++) {
    sum += a[i]!
    squares += a[i]! * a[i]!
  }
  return Math.sqrt(squares / a.length - (sum / a.length) ** 2)
}

/** Broad bends of 3.4 voxels and small ones of 0.9 voxels (standard deviations), in 1/256 voxel. */
function warp(seed: number, purpose: number): Int16Array {
  const half = period / 2
  const broad = refine(smooth(white(half, seed, purpose), 4, 3)).data
  const small = refine(smooth(white(half, seed, purpose + 100), 1, 5)).data
  const a = (256 * 3.4) / deviation(broad)
  const b = (256 * 0.9) / deviation(small)
  const out = new Int16Array(broad.length)
  for (let i = 0; i < out.length; i++) out[i] = Math.round(broad[i]! * a + small[i]! * b)
  return out
}

function bytes(a: Float32Array): Int8Array {
  const scale = 32 / deviation(a)
  const out = new Int8Array(a.length)
  for (let i = 0; i < a.length; i++) out[i] = Math.max(-127, Math.min(127, Math.round(a[i]! * scale)))
  return out
}

let latest: { seed: number; tables: NoiseTables } | undefined

/** The tables of a seed; the last ones made are kept, since a run asks for one seed again and again. */
export function noiseTables(seed: number): NoiseTables {
  if (latest?.seed === seed) return latest.tables
  const blotch = smooth(white(period, seed, 4), 1, 3)
  const around = smooth(blotch, 4, 1).data
  // Dark spots stand out more than light ones do.
  for (let i = 0; i < around.length; i++) {
    const v = blotch.data[i]! - 0.6 * around[i]!
    blotch.data[i] = v < 0 ? 1.3 * v : 0.8 * v
  }
  const [warpX, warpY, warpZ] = [warp(seed, 1), warp(seed, 2), warp(seed, 3)]
  const most = (a: Int16Array) => a.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
  const tables = {
    warpX,
    warpY,
    warpZ,
    largestWarp: Math.ceil(Math.max(most(warpX), most(warpY), most(warpZ)) / 256),
    blotch: bytes(blotch.data),
    grain: bytes(smooth(white(period, seed, 5), 1, 1).data),
  }
  latest = { seed, tables }
  return tables
}
