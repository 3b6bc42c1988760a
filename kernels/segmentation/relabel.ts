// From labels of a block to ids of the dataset, and from supervoxels to segments.
import { halves, indexIds } from './pair-index.ts'
import type { Merges } from './segmentation-types.ts'
import type { Vec3 } from '../types.ts'

// The layout of a supervoxel id is that of domain/ids.ts, which kernels do not import; a test holds the two together.
const LOCAL_BITS = 22n
const COORD_BITS = 14n

/** Ids of the supervoxels 1..count of a block, indexed by their local number; place 0 holds 0. @throws RangeError if they do not fit */
export function globalIds(block: Vec3, count: number): BigUint64Array {
  if (count >= 2 ** Number(LOCAL_BITS)) throw new RangeError(`${count} supervoxels do not fit the ids of one block`)
  if (block.some(c => c < 0 || c >= 2 ** Number(COORD_BITS)))
    throw new RangeError(`block ${block.join(',')} has no ids`)
  const [x, y, z] = block
  const base = (((BigInt(x) << COORD_BITS) | BigInt(y)) << (COORD_BITS + LOCAL_BITS)) | (BigInt(z) << LOCAL_BITS)
  const ids = new BigUint64Array(count + 1)
  const h = halves(ids)
  const [low, high] = [Number(base & 0xffffffffn), Number(base >> 32n)]
  for (let i = 1; i <= count; i++) {
    h[2 * i] = low + i
    h[2 * i + 1] = high
  }
  return ids
}

/** Coordinate on one axis (0 = x) of the block that an id lies in. */
export const blockCoordinate = (id: bigint, axis: number): number =>
  Number((id >> (LOCAL_BITS + COORD_BITS * BigInt(2 - axis))) & ((1n << COORD_BITS) - 1n))

/** The id of every voxel: table[labels[v]]. */
export function relabelVolume(labels: Uint32Array, table: BigUint64Array): BigUint64Array<ArrayBuffer> {
  const out = new BigUint64Array(labels.length)
  const [to, from] = [halves(out), halves(table)]
  for (let i = 0; i < labels.length; i++) {
    const l = 2 * labels[i]!
    to[2 * i] = from[l]!
    to[2 * i + 1] = from[l + 1]!
  }
  return out
}

export interface MergeTableRequest {
  /** Supervoxels of a region. */
  readonly ids: BigUint64Array
  /** Merges of the tree nodes from the leaf to the root. */
  readonly path: readonly Merges[]
}

/** The segment of every supervoxel: `to[i]` is the smallest supervoxel id of the segment that holds `from[i]` = ids[i]. */
export function mergeTableSlice({ ids, path }: MergeTableRequest): Merges {
  const to = ids.slice()
  const h = halves(to)
  for (const merges of path) {
    const index = indexIds(merges.from)
    const target = halves(merges.to)
    for (let i = 0; i < to.length; i++) {
      const at = index.get(h[2 * i]!, h[2 * i + 1]!)
      if (at < 0) continue
      h[2 * i] = target[2 * at]!
      h[2 * i + 1] = target[2 * at + 1]!
    }
  }
  return { from: ids.slice(), to }
}
