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

/** Bits of the id of a synapse: those that share a voxel, the voxel's x, y and z. */
const SYNAPSE_BITS = [3n, 21n, 21n, 19n] as const

/** Ids of the synapses of a region by the voxels of their centres: the same however the dataset is cut, and when it grows. @throws RangeError for a voxel that no id can say */
export function synapseIds({
  x,
  y,
  z,
}: Readonly<Record<'x' | 'y' | 'z', ArrayLike<number>>>): BigUint64Array<ArrayBuffer> {
  const known = new Map<string, number>()
  return BigUint64Array.from(x, (_, i) => {
    const voxel = [x, y, z].map(c => Math.floor(c[i]!))
    const nth = known.get(voxel.join()) ?? 0
    known.set(voxel.join(), nth + 1)
    let id = 0n
    for (const [part, value] of [nth, ...voxel].toReversed().entries()) {
      const bits = SYNAPSE_BITS[3 - part]!
      if (BigInt(value) >> bits !== 0n) throw new RangeError(`synapse ${nth + 1} of voxel ${voxel.join()} has no id`)
      id = (id << bits) | BigInt(value)
    }
    return id + 1n
  })
}

/** The voxel that an id of a synapse says. */
export function voxelOfSynapse(id: bigint): Vec3 {
  let rest = id - 1n
  const [, x, y, z] = SYNAPSE_BITS.map(bits => {
    const value = Number(rest & ((1n << bits) - 1n))
    rest >>= bits
    return value
  })
  return [x!, y!, z!]
}
