// Exact filters of grey volumes for the synapse maps: integer sums over cubes, and how much a voxel outshines its surround.
import { around } from '../types.ts'
import type { Vec3 } from '../types.ts'

/**
 * Sum over the cube of side 2 r + 1 around each voxel; what lies outside the volume repeats its face. x fastest.
 * Sums are integers, so a running sum gives the same number wherever its line starts.
 */
export function cubeSum(data: Uint8Array, shape: Vec3, r: number): Int32Array<ArrayBuffer> {
  const a = new Int32Array(data.length)
  const b = new Int32Array(data.length)
  const [sx, sy, sz] = shape
  for (let row = 0; row < data.length; row += sx) lineSums(data, a, row, sx, r)
  for (let plane = 0; plane < data.length; plane += sx * sy) rowSums(a, b, plane, sx, sy, r)
  rowSums(b, a, 0, sx * sy, sz, r)
  return a
}

function lineSums(from: Uint8Array, to: Int32Array, start: number, n: number, r: number): void {
  const last = start + n - 1
  let sum = r * from[start]!
  for (let k = 0; k <= r; k++) sum += from[Math.min(start + k, last)]!
  for (let i = start; i <= last; i++) {
    to[i] = sum
    sum += from[i + r + 1 <= last ? i + r + 1 : last]! - from[i - r >= start ? i - r : start]!
  }
}

/** Running sums across `n` rows of `width` voxels, a whole row at a time. */
function rowSums(from: Int32Array, to: Int32Array, start: number, width: number, n: number, r: number): void {
  const sums = new Int32Array(width)
  for (let k = -r; k <= r; k++) {
    const row = start + width * Math.min(Math.max(k, 0), n - 1)
    for (let i = 0; i < width; i++) sums[i]! += from[row + i]!
  }
  for (let k = 0; k < n; k++) {
    const here = start + k * width
    const enter = start + width * Math.min(k + r + 1, n - 1)
    const leave = start + width * Math.max(k - r, 0)
    for (let i = 0; i < width; i++) {
      to[here + i] = sums[i]!
      sums[i]! += from[enter + i]! - from[leave + i]!
    }
  }
}

/** 216 times the volume smoothed by (1 4 1) / 6 along each axis; faces repeat. x fastest. */
function smoothed(data: Uint8Array, shape: Vec3): Int32Array<ArrayBuffer> {
  const [sx, sy, sz] = shape
  const a = Int32Array.from(data)
  const b = new Int32Array(data.length)
  smoothAlong(a, b, 1, sx)
  smoothAlong(b, a, sx, sy)
  smoothAlong(a, b, sx * sy, sz)
  return b
}

function smoothAlong(from: Int32Array, to: Int32Array, stride: number, n: number): void {
  for (let block = 0; block < from.length; block += n * stride)
    for (let k = 0; k < n; k++) {
      const here = block + k * stride
      const before = k > 0 ? -stride : 0
      const after = k < n - 1 ? stride : 0
      for (let i = here; i < here + stride; i++) to[i] = from[i + before]! + 4 * from[i]! + from[i + after]!
    }
}

const crossed = (way: Vec3): number => Math.abs(way[0]) + Math.abs(way[1]) + Math.abs(way[2])
/** The 26 directions of a cube, those along the axes first. */
const ways = around.toSorted((a, b) => crossed(a) - crossed(b))

/** How far `lumina` looks from a voxel. */
export const luminaReach = 4

/** Grey levels are counted in this fraction by `lumina`. */
export const luminaScale = 216

/**
 * By how many grey levels, times luminaScale, a voxel (with its 6 neighbours, itself counted twice) is lighter than the shell
 * that encloses it: its value minus the largest over all directions of the least value along the direction. Membranes, which
 * lie on two sides only, give nothing. What is at most `floor` grey levels, and voxels nearer than luminaReach to a face,
 * give 0.
 */
export function lumina(em: Uint8Array, shape: Vec3, floor: number): Int32Array<ArrayBuffer> {
  const [sx, sy, sz] = shape
  const plane = sx * sy
  const shells = smoothed(em, shape)
  const out = new Int32Array(em.length)
  // The shell of a vesicle of radius 2 to 3 voxels may lie one or two steps away, along an axis two or three.
  const step = ways.map(([x, y, z]) => x + sx * (y + sy * z))
  const near = Int32Array.from(ways, (way, k) => (crossed(way) === 1 ? 2 : 1) * step[k]!)
  const far = Int32Array.from(ways, (_, k) => near[k]! + step[k]!)
  const r = luminaReach
  const least = floor * luminaScale
  for (let z = r; z < sz - r; z++)
    for (let y = r; y < sy - r; y++)
      for (let x = r, i = r + sx * (y + sy * z); x < sx - r; x++, i++) {
        const sum = 2 * em[i]! + em[i - 1]! + em[i + 1]! + em[i - sx]! + em[i + sx]! + em[i - plane]! + em[i + plane]!
        const here = sum * (luminaScale / 8)
        // The lightest part of the shell so far; a voxel is given up as soon as one direction is too light.
        let shell = 0
        for (let k = 0; k < 26; k++) {
          const a = shells[i + near[k]!]!
          const b = shells[i + far[k]!]!
          const dark = a < b ? a : b
          if (dark > shell) {
            shell = dark
            if (here - shell <= least) break
          }
        }
        if (here - shell > least) out[i] = here - shell
      }
  return out
}
