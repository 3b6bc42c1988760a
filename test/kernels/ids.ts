// Supervoxel ids made one by one, as domain/ids.ts takes them apart.
import type { Vec3 } from '../../domain/geometry.ts'

const COORD_BITS = 14n
const LOCAL_BITS = 22n

/** Largest block coordinate and local number that an id can hold. */
export const MAX_BLOCK_COORD = (1 << Number(COORD_BITS)) - 1
export const MAX_LOCAL = (1 << Number(LOCAL_BITS)) - 1

/** Id of supervoxel `local` (1..2^22-1) of the block at grid coordinate `block` (x, y, z, each 0..2^14-1). */
export const supervoxelId = (block: Vec3, local: number): bigint =>
  (BigInt(block[0]) << (LOCAL_BITS + 2n * COORD_BITS)) |
  (BigInt(block[1]) << (LOCAL_BITS + COORD_BITS)) |
  (BigInt(block[2]) << LOCAL_BITS) |
  BigInt(local)
