// The distance of every sample to the nearest sample of another label, for all labels at once.
import type { Sides } from '../surface-samples.ts'
import type { Vec3 } from '../types.ts'

/** The squared distance where a line meets no other label. */
const FAR = 1e18

/**
 * Exact squared Euclidean distance to the centre of the nearest sample with another label (Felzenszwalb & Huttenlocher
 * 2012, run by run as in Silversmith's `edt`), in the unit of `spacing` squared. `labels` has one layer of anything
 * around it that is not looked at: what lies beyond is unknown, so it is no boundary. Background (0) gets 0. A label that
 * fills the array gets FAR.
 */
export function squaredDistances(labels: Uint32Array, [sx, sy, sz]: Vec3, spacing: Vec3): Float32Array {
  const distances = new Float32Array(labels.length)
  const longest = Math.max(sx, sy, sz)
  const heights = new Float64Array(longest)
  const centres = new Int32Array(longest)
  const from = new Float64Array(longest + 1)

  /** First axis: the nearer end of a run. */
  const nearerEnd = (first: number, start: number, end: number, length: number): void => {
    for (let i = start; i < end; i++) {
      const before = start > 1 ? i - start + 1 : Infinity
      const after = end < length - 1 ? end - i : Infinity
      const steps = before < after ? before : after
      distances[first + i] = steps === Infinity ? FAR : spacing[0] * steps * (spacing[0] * steps)
    }
  }

  /** Second and third axis: the lower envelope of one parabola per sample of a run and one at each end of it. */
  const envelope = (
    first: number,
    stride: number,
    start: number,
    end: number,
    length: number,
    weight: number,
  ): void => {
    const begin = start > 1 ? start - 1 : start
    const stop = end < length - 1 ? end + 1 : end
    for (let q = begin; q < stop; q++) heights[q] = q < start || q >= end ? 0 : distances[first + q * stride]!
    let top = 0
    centres[0] = begin
    from[0] = -Infinity
    for (let q = begin + 1; q < stop; q++) {
      // The one before is the last of the envelope so far.
      let p = q - 1
      let meet = ((heights[q]! - heights[p]!) / weight + q * q - p * p) / 2
      while (meet <= from[top]!) {
        p = centres[--top]!
        meet = ((heights[q]! - heights[p]!) / weight + q * q - p * p) / (2 * (q - p))
      }
      centres[++top] = q
      from[top] = meet
    }
    from[top + 1] = Infinity
    for (let i = start, k = 0; i < end; i++) {
      while (from[k + 1]! < i) k++
      const p = centres[k]!
      const d = heights[p]! + weight * (i - p) * (i - p)
      distances[first + i * stride] = d < FAR ? d : FAR
    }
  }

  /** The runs of one label along a line of an axis. */
  const along = (axis: number, first: number, stride: number, length: number): void => {
    for (let start = 1, end = 1; start < length - 1; start = end) {
      const label = labels[first + start * stride]!
      for (end = start + 1; end < length - 1 && labels[first + end * stride] === label;) end++
      if (label === 0) continue
      if (axis === 0) nearerEnd(first, start, end, length)
      else envelope(first, stride, start, end, length, spacing[axis]! * spacing[axis]!)
    }
  }

  const plane = sx * sy
  for (let z = 1; z < sz - 1; z++) {
    for (let y = 1; y < sy - 1; y++) along(0, sx * y + plane * z, 1, sx)
    for (let x = 1; x < sx - 1; x++) along(1, x + plane * z, sx, sy)
  }
  if (sz > 3) for (let y = 1; y < sy - 1; y++) for (let x = 1; x < sx - 1; x++) along(2, x + sx * y, plane, sz)
  return distances
}

/** The same distances, but where the volume ends, no farther than to the first sample beyond it. */
export function insideVolume(distances: Float32Array, shape: Vec3, spacing: Vec3, sides: Sides): Float32Array {
  const [x, y, z] = shape.map((size, axis) =>
    Float32Array.from({ length: size }, (_, i) => {
      const low = sides.low[axis] === 0 ? i : Infinity
      const high = sides.high[axis] === 0 ? size - 1 - i : Infinity
      return (Math.min(low, high) * spacing[axis]!) ** 2
    }),
  )
  const out = new Float32Array(distances.length)
  let i = 0
  for (const dz of z!)
    for (const dy of y!) {
      const near = Math.min(dy, dz)
      // By index: with an iterator this takes almost twice the time.
      for (let k = 0; k < x!.length; k++, i++) out[i] = Math.min(distances[i]!, x![k]!, near)
    }
  return out
}
