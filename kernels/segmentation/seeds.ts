// Where supervoxels start: the maxima of the smoothed distance to the nearest boundary voxel.
import { squaredDistance } from './distance.ts'
import { alongAxes } from '../lines.ts'
import type { Vec3 } from '../types.ts'

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
export function markSeeds(inside: Uint8Array, shape: Vec3): Uint8Array {
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
