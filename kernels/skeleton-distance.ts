// The distance of every sample to the nearest sample of another label, for all labels at once.

import type { Vec3 } from './types.ts'

/** The squared distance where a line meets no other label. */
const FAR = 1e18

/**
 * Exact squared Euclidean distance to the centre of the nearest sample with another label (Felzenszwalb & Huttenlocher
 * 2012, run by run as in Silversmith's `edt`), in the unit of `spacing` squared. `labels` has one layer of anything
 * around it that is not looked at: what lies beyond is unknown, so it is no boundary. Background (0) gets 0. A label that
 * fills the array gets FAR.
 */
export function squaredDistances(labels: Uint32Array, shape: Vec3, spacing: Vec3): Float32Array {
  const [sx, sy, sz] = shape
  const distances = new Float32Array(labels.length)
  const longest = Math.max(sx, sy, sz)
  const lines = new Envelope(longest)
  const plane = sx * sy
  for (let z = 1; z < sz - 1; z++) {
    for (let y = 1; y < sy - 1; y++) alongRow(labels, distances, sx * y + plane * z, sx, spacing[0])
    for (let x = 1; x < sx - 1; x++) lines.along(labels, distances, x + plane * z, sx, sy, spacing[1])
  }
  if (sz > 3) {
    for (let y = 1; y < sy - 1; y++) {
      for (let x = 1; x < sx - 1; x++) lines.along(labels, distances, x + sx * y, plane, sz, spacing[2])
    }
  }
  return distances
}

/** First axis: the nearer end of each run of one label. */
function alongRow(labels: Uint32Array, distances: Float32Array, row: number, length: number, spacing: number): void {
  let start = 1
  while (start < length - 1) {
    const label = labels[row + start]!
    let end = start + 1
    while (end < length - 1 && labels[row + end] === label) end++
    if (label !== 0) {
      for (let i = start; i < end; i++) {
        const before = start > 1 ? i - start + 1 : Infinity
        const after = end < length - 1 ? end - i : Infinity
        const steps = before < after ? before : after
        distances[row + i] = steps === Infinity ? FAR : spacing * steps * (spacing * steps)
      }
    }
    start = end
  }
}

/** Second and third axis: the lower envelope of one parabola per sample of a run and one at each end of it. */
class Envelope {
  private readonly heights: Float64Array
  private readonly centres: Int32Array
  private readonly from: Float64Array

  constructor(length: number) {
    this.heights = new Float64Array(length)
    this.centres = new Int32Array(length)
    this.from = new Float64Array(length + 1)
  }

  along(
    labels: Uint32Array,
    distances: Float32Array,
    first: number,
    stride: number,
    length: number,
    spacing: number,
  ): void {
    let start = 1
    while (start < length - 1) {
      const label = labels[first + start * stride]!
      let end = start + 1
      while (end < length - 1 && labels[first + end * stride] === label) end++
      if (label !== 0) this.run(distances, first, stride, start, end, length, spacing * spacing)
      start = end
    }
  }

  private run(
    distances: Float32Array,
    first: number,
    stride: number,
    start: number,
    end: number,
    length: number,
    weight: number,
  ): void {
    const { heights, centres, from } = this
    const begin = start > 1 ? start - 1 : start
    const stop = end < length - 1 ? end + 1 : end
    let top = -1
    for (let q = begin; q < stop; q++) {
      const height = q < start || q >= end ? 0 : distances[first + q * stride]!
      heights[q] = height
      let meet = -Infinity
      while (top >= 0) {
        const p = centres[top]!
        meet = ((height - heights[p]!) / weight + q * q - p * p) / (2 * (q - p))
        if (meet > from[top]!) break
        top--
      }
      top++
      centres[top] = q
      from[top] = top === 0 ? -Infinity : meet
    }
    from[top + 1] = Infinity
    let k = 0
    for (let i = start; i < end; i++) {
      while (from[k + 1]! < i) k++
      const p = centres[k]!
      const d = heights[p]! + weight * (i - p) * (i - p)
      distances[first + i * stride] = d < FAR ? d : FAR
    }
  }
}
