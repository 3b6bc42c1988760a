// Exact filters of grey volumes for the synapse maps: integer sums over cubes, and how much a voxel outshines its surround.
import type { Vec3 } from './types.ts'

/**
 * Sum over the cube of side 2 r + 1 around each voxel; what lies outside the volume repeats its face. x fastest.
 * Sums are integers, so a running sum gives the same number wherever its line starts.
 */
export function cubeSum(data: Uint8Array, shape: Vec3, r: number): Int32Array<ArrayBuffer> {
  const a = new Int32Array(data.length)
  const b = new Int32Array(data.length)
  const [sx, sy, sz] = shape
  const plane = sx * sy
  for (let row = 0; row < data.length; row += sx) lineSums(data, a, row, sx, r)
  for (let z = 0; z < sz; z++) rowSums(a, b, z * plane, sx, sx, sy, r)
  rowSums(b, a, 0, plane, plane, sz, r)
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

/** Running sums across `n` rows of `width` voxels that lie `stride` apart, a whole row at a time. */
function rowSums(
  from: Int32Array,
  to: Int32Array,
  start: number,
  width: number,
  stride: number,
  n: number,
  r: number,
): void {
  const sums = new Int32Array(width)
  for (let k = -r; k <= r; k++) {
    const row = start + stride * Math.min(Math.max(k, 0), n - 1)
    for (let i = 0; i < width; i++) sums[i]! += from[row + i]!
  }
  for (let k = 0; k < n; k++) {
    const here = start + k * stride
    const enter = start + stride * Math.min(k + r + 1, n - 1)
    const leave = start + stride * Math.max(k - r, 0)
    for (let i = 0; i < width; i++) {
      const sum = sums[i]!
      to[here + i] = sum
      sums[i] = sum + from[enter + i]! - from[leave + i]!
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

/** The 26 directions of a cube, and the steps along each at which the shell of a vesicle of radius 2 to 3 voxels may lie. */
const rays: readonly (readonly [way: Vec3, near: number, far: number])[] = [1, 2, 3].flatMap(axes => {
  const out: [Vec3, number, number][] = []
  for (let z = -1; z <= 1; z++)
    for (let y = -1; y <= 1; y++)
      for (let x = -1; x <= 1; x++)
        if (Math.abs(x) + Math.abs(y) + Math.abs(z) === axes)
          out.push([[x, y, z], axes === 1 ? 2 : 1, axes === 1 ? 3 : 2])
  return out
})

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
  const near = Int32Array.from(rays, ([[x, y, z], step]) => step * (x + sx * (y + sy * z)))
  const far = Int32Array.from(rays, ([[x, y, z], , step]) => step * (x + sx * (y + sy * z)))
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
