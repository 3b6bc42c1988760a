// Smooth noise in periodic tables: what bends membranes and grains cytoplasm, looked up at integer coordinates.
import { mix } from './random.ts'

/** Tables repeat every 128 voxels along each axis, so that a lookup is a mask and never depends on the box asked for. */
export const period = 128
const bits = 7
const area = period * period
const count = area * period

export interface NoiseTables {
  /** Displacement of the specimen in 1/256 voxel, one table per axis. */
  readonly warpX: Int16Array
  readonly warpY: Int16Array
  readonly warpZ: Int16Array
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

function white(seed: number, purpose: number): Float32Array {
  const out = new Float32Array(count)
  const key = mix(seed | 0, purpose)
  for (let i = 0; i < count; i++) out[i] = mix(key, i) / 2147483648 - 1
  return out
}

/** Periodic box filter of half-width `half` along the axis of a stride; `from` and `to` differ. */
function box(from: Float32Array, to: Float32Array, stride: number, half: number): void {
  const block = period * stride
  const scale = 1 / (2 * half + 1)
  const sums = new Float64Array(stride)
  for (let start = 0; start < count; start += block) {
    sums.fill(0)
    for (let k = -half; k <= half; k++) {
      const line = start + ((k + period) % period) * stride
      for (let i = 0; i < stride; i++) sums[i]! += from[line + i]!
    }
    for (let k = 0; k < period; k++) {
      const here = start + k * stride
      const enter = start + ((k + half + 1) % period) * stride
      const leave = start + ((k - half + period) % period) * stride
      for (let i = 0; i < stride; i++) {
        const sum = sums[i]!
        to[here + i] = sum * scale
        sums[i] = sum + from[enter + i]! - from[leave + i]!
      }
    }
  }
}

/** Repeated box filters come close to a Gaussian. Changes and returns `a`. */
function smooth(a: Float32Array, half: number, times: number): Float32Array {
  const b = new Float32Array(count)
  for (let t = 0; t < times; t++) {
    box(a, b, 1, half)
    box(b, a, period, half)
    box(a, b, area, half)
    a.set(b)
  }
  return a
}

function deviation(a: Float32Array): number {
  let sum = 0
  let squares = 0
  for (let i = 0; i < count; i++) {
    sum += a[i]!
    squares += a[i]! * a[i]!
  }
  return Math.sqrt(squares / count - (sum / count) ** 2)
}

function warp(seed: number, purpose: number): Int16Array {
  const coarse = smooth(white(seed, purpose), 8, 3)
  const fine = smooth(white(seed, purpose + 100), 3, 3)
  const a = (256 * 3.4) / deviation(coarse)
  const b = (256 * 1.1) / deviation(fine)
  const out = new Int16Array(count)
  for (let i = 0; i < count; i++) out[i] = Math.round(coarse[i]! * a + fine[i]! * b)
  return out
}

function bytes(a: Float32Array): Int8Array {
  const scale = 32 / deviation(a)
  const out = new Int8Array(count)
  for (let i = 0; i < count; i++) out[i] = Math.max(-127, Math.min(127, Math.round(a[i]! * scale)))
  return out
}

let latest: { seed: number; tables: NoiseTables } | undefined

/** The tables of a seed; the last ones made are kept, since a run asks for one seed again and again. */
export function noiseTables(seed: number): NoiseTables {
  if (latest?.seed === seed) return latest.tables
  const small = smooth(white(seed, 4), 1, 3)
  const large = smooth(small.slice(), 4, 1)
  // Dark spots stand out more than light ones do.
  const blotch = small.map((v, i) => (v - 0.6 * large[i]!) * (v < 0.6 * large[i]! ? 1.3 : 0.8))
  const [warpX, warpY, warpZ] = [warp(seed, 1), warp(seed, 2), warp(seed, 3)]
  const most = (a: Int16Array) => a.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
  const tables = {
    warpX,
    warpY,
    warpZ,
    largestWarp: Math.ceil(Math.max(most(warpX), most(warpY), most(warpZ)) / 256),
    blotch: bytes(blotch),
    grain: bytes(smooth(white(seed, 5), 1, 1)),
  }
  latest = { seed, tables }
  return tables
}
