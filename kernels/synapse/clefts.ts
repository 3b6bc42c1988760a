// Clefts as connected components of the thresholded map, each small enough to be seen whole by the region that owns it.
import type { Box, Vec3 } from '../types.ts'

export interface Cleft {
  /** Indices into the volume. */
  readonly voxels: Int32Array
  /** Voxel nearest to the centre of gravity, in the volume. */
  readonly middle: Vec3
  /** Sums of the voxels' coordinates in the volume. */
  readonly sums: Vec3
}

/**
 * 26-connected components of `map >= threshold` with at least `least` voxels, none farther than `reach` along an axis from
 * the middle, and the middle in `core`. Where the volume goes on for more than `reach` voxels around the core, or ends with
 * the dataset, every component has one owner among the regions, and all regions agree on its voxels: what is cut off by the
 * face of a volume reaches too far from any middle in its core.
 */
export function* findClefts(
  map: Uint8Array,
  shape: Vec3,
  core: Box,
  { threshold, least, reach }: { threshold: number; least: number; reach: number },
): Generator<Cleft> {
  const [sx, sy, sz] = shape
  const plane = sx * sy
  const open = map.map(v => (v >= threshold ? 1 : 0))
  let count = 0
  for (let i = 0; i < map.length; i++) count += open[i]!
  const queue = new Int32Array(count)
  for (let start = 0, end = 0; end < count; start++) {
    if (open[start] !== 1) continue
    const first = end
    const low = [sx, sy, sz]
    const high = [-1, -1, -1]
    const sums = [0, 0, 0]
    open[start] = 0
    queue[end++] = start
    for (let k = first; k < end; k++) {
      const i = queue[k]!
      const z = Math.floor(i / plane)
      const y = Math.floor((i - z * plane) / sx)
      const x = i - z * plane - y * sx
      sums[0]! += x
      sums[1]! += y
      sums[2]! += z
      if (x < low[0]!) low[0] = x
      if (y < low[1]!) low[1] = y
      if (z < low[2]!) low[2] = z
      if (x > high[0]!) high[0] = x
      if (y > high[1]!) high[1] = y
      if (z > high[2]!) high[2] = z
      for (let w = z > 0 ? z - 1 : z; w <= z + 1 && w < sz; w++)
        for (let v = y > 0 ? y - 1 : y; v <= y + 1 && v < sy; v++)
          for (let u = x > 0 ? x - 1 : x; u <= x + 1 && u < sx; u++) {
            const j = u + sx * v + plane * w
            if (open[j] !== 1) continue
            open[j] = 0
            queue[end++] = j
          }
    }
    const n = end - first
    const middle = sums.map(s => Math.floor((2 * s + n) / (2 * n)))
    const owned = middle.every((m, a) => m >= core.min[a]! && m < core.max[a]!)
    const whole = middle.every((m, a) => m - low[a]! <= reach && high[a]! - m <= reach)
    if (n >= least && owned && whole)
      yield { voxels: queue.subarray(first, end), middle: middle as unknown as Vec3, sums: sums as unknown as Vec3 }
  }
}
