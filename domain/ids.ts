// Supervoxel and segment ids: uint64, bigint inside, decimal strings outside.
import type { Vec3 } from './geometry.ts'

const COORD_BITS = 14n
const LOCAL_BITS = 22n

/** Grid coordinate of the block that a supervoxel, or the smallest supervoxel of a segment, lies in. */
export const blockOf = (id: bigint): Vec3 => {
  const mask = (1n << COORD_BITS) - 1n
  return [
    Number((id >> (LOCAL_BITS + 2n * COORD_BITS)) & mask),
    Number((id >> (LOCAL_BITS + COORD_BITS)) & mask),
    Number((id >> LOCAL_BITS) & mask),
  ]
}
