// What kernels/segmentation/seeds.ts computes in WebAssembly, in plain loops: the squared distance to the nearest background voxel, and its maxima.
import { alongAxes } from '../../kernels/lines.ts'
import type { Vec3 } from '../../kernels/types.ts'

/** Larger than any squared distance within a block; small enough that sums of it stay exact in 32 bits. */
const FAR = 1 << 28

/** One line of the lower envelope of parabolas: Felzenszwalb & Huttenlocher 2012, with integer intersections. */
function envelope(f: Int32Array, out: Int32Array, vertex: Int32Array, from: Int32Array, length: number): void {
  let k = -1
  for (let q = 0; q < length; q++) {
    const fq = f[q]!
    if (fq >= FAR) continue
    const high = fq + q * q
    let start = 0
    while (k >= 0) {
      const p = vertex[k]!
      // First position at which the parabola at q is strictly lower than the one at p.
      start = Math.floor((high - f[p]! - p * p) / (2 * (q - p))) + 1
      if (start > from[k]!) break
      k--
      start = 0
    }
    if (start >= length) continue
    k++
    vertex[k] = q
    from[k] = start < 0 ? 0 : start
  }
  if (k < 0) out.fill(FAR, 0, length)
  let end = length
  for (; k >= 0; k--) {
    const p = vertex[k]!
    const base = f[p]!
    for (let q = from[k]!; q < end; q++) out[q] = base + (q - p) * (q - p)
    end = from[k]!
  }
}

/**
 * Squared distance, in voxels, of every voxel to the nearest one whose `inside` is 0, at most `cap` squared. What lies
 * beyond the volume is unknown and does not count as background.
 */
export function squaredDistance(inside: Uint8Array, shape: Vec3, cap: number): Int32Array {
  const [sx, sy, sz] = shape
  const limit = cap * cap
  const d = new Int32Array(inside.length)
  for (let row = 0; row < d.length; row += sx) {
    let gap = cap
    for (let i = row; i < row + sx; i++) {
      gap = inside[i] === 0 ? 0 : gap + 1
      d[i] = gap
    }
    gap = cap
    for (let i = row + sx - 1; i >= row; i--) {
      gap = Math.min(gap + 1, d[i]!)
      d[i] = gap >= cap ? FAR : gap * gap
    }
  }
  const scratch = () => new Int32Array(Math.max(sy, sz))
  const [line, out, vertex, from] = [scratch(), scratch(), scratch(), scratch()]
  const plane = sx * sy
  const pass = (first: number, stride: number, length: number): void => {
    let clear = true
    for (let q = 0, i = first; q < length; q++, i += stride) {
      line[q] = d[i]!
      if (line[q] !== 0) clear = false
    }
    if (clear) return
    envelope(line, out, vertex, from, length)
    for (let q = 0, i = first; q < length; q++, i += stride) d[i] = out[q]!
  }
  for (let z = 0; z < sz; z++) for (let x = 0; x < sx; x++) pass(plane * z + x, sx, sy)
  for (let y = 0; y < sy; y++) for (let x = 0; x < sx; x++) pass(sx * y + x, plane, sz)
  for (let i = 0; i < d.length; i++) if (d[i]! > limit) d[i] = limit
  return d
}

/** Distances beyond this, in voxels, are equal: wider things than that need no second seed. */
const CAP = 48
/** Steps per voxel of distance; with the smoothing kernel's weight of 729 sums stay far below 2^31. */
const STEPS = 16

/** Convolution with (1 2 3 2 1) on each axis, not normalised; the volume goes on as its border does. */
function smooth(v: Int32Array, shape: Vec3): void {
  const l = new Int32Array(Math.max(...shape) + 4)
  alongAxes(shape, (first, stride, length) => {
    for (let q = 0, i = first; q < length; q++, i += stride) l[q + 2] = v[i]!
    l[0] = l[1] = l[2]!
    l[length + 2] = l[length + 3] = l[length + 1]!
    for (let q = 0, i = first; q < length; q++, i += stride)
      v[i] = l[q]! + 2 * l[q + 1]! + 3 * l[q + 2]! + 2 * l[q + 3]! + l[q + 4]!
  })
}

/** The largest value among a voxel and its 26 neighbours. */
function largestAround(v: Int32Array, shape: Vec3): Int32Array {
  const out = v.slice()
  const l = new Int32Array(Math.max(...shape) + 2)
  alongAxes(shape, (first, stride, length) => {
    for (let q = 0, i = first; q < length; q++, i += stride) l[q + 1] = out[i]!
    l[0] = l[1]!
    l[length + 1] = l[length]!
    for (let q = 0, i = first; q < length; q++, i += stride) {
      const m = l[q]! > l[q + 1]! ? l[q]! : l[q + 1]!
      out[i] = m > l[q + 2]! ? m : l[q + 2]!
    }
  })
  return out
}

/**
 * Marks the voxels from which a watershed starts: those that no neighbour of 26 exceeds in smoothed Euclidean distance to
 * the nearest voxel whose `inside` is 0. Maxima in flat places are several voxels that touch.
 */
export function plainSeeds(inside: Uint8Array, shape: Vec3): Uint8Array {
  const d = squaredDistance(inside, shape, CAP)
  const root = new Uint16Array(CAP * CAP + 1)
  for (let i = 0; i < root.length; i++) root[i] = Math.round(STEPS * Math.sqrt(i))
  for (let i = 0; i < d.length; i++) d[i] = root[d[i]!]!
  smooth(d, shape)
  const top = largestAround(d, shape)
  const seeds = new Uint8Array(d.length)
  for (let i = 0; i < d.length; i++) if (inside[i] !== 0 && d[i] === top[i]) seeds[i] = 1
  return seeds
}
