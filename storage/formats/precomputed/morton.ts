// Compressed Morton codes: the order in which sharded precomputed volumes number their chunks.
//
// Source: google/neuroglancer src/datasource/precomputed/volume.rst: bits are interleaved x, y, z, and an axis gives bit i only
// while 2^i is below the number of chunks along it.
import { map3, type Vec3 } from '../../../domain/geometry.ts'

/** Axis of every bit of the code, lowest first, for a grid of so many chunks. */
export function mortonAxes(grid: Vec3): (0 | 1 | 2)[] {
  const axes: (0 | 1 | 2)[] = []
  for (let bit = 1; grid.some(n => bit < n); bit *= 2)
    for (const a of [0, 1, 2] as const) if (bit < grid[a]) axes.push(a)
  return axes
}

/** Code of the chunk at a coordinate of the grid. */
export function mortonCode(axes: readonly (0 | 1 | 2)[], at: Vec3): bigint {
  const next = [...at]
  let code = 0n
  axes.forEach((a, i) => {
    if (next[a]! % 2 === 1) code |= 1n << BigInt(i)
    next[a] = Math.floor(next[a]! / 2)
  })
  return code
}

/** Coordinate of the chunk with a code. */
export function mortonCell(axes: readonly (0 | 1 | 2)[], code: bigint): Vec3 {
  const at = [0, 0, 0]
  const weight = [1, 1, 1]
  axes.forEach((a, i) => {
    if ((code >> BigInt(i)) & 1n) at[a]! += weight[a]!
    weight[a]! *= 2
  })
  return map3(a => at[a]!)
}
