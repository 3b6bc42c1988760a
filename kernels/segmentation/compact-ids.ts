// uint64 volumes to dense uint32 indices and from one set of ids to another, without a bigint per voxel.
import { PairIndex, halves, indexIds, rankIds } from './pair-index.ts'

/**
 * Dense indices of a volume of ids: `labels[v]` is the place of the voxel's id in `ids`. Place 0 is id 0; the others
 * follow in ascending order of id, so that the result does not depend on the order of the voxels.
 */
export function compactIds(volume: BigUint64Array | Uint32Array): { labels: Uint32Array; ids: BigUint64Array } {
  const values = new PairIndex(1024)
  values.add(0, 0)
  const { sorted, rank } = rankIds(volume, values)
  return { labels: rank, ids: sorted }
}

/**
 * The volume with id `from[i]` replaced by `to[i]`; 0 stays 0.
 * @throws RangeError when the volume holds an id that is not in `from`, or `from` one twice
 */
export function mapIds(volume: BigUint64Array, from: BigUint64Array, to: BigUint64Array): BigUint64Array<ArrayBuffer> {
  const index = indexIds(from)
  const out = new BigUint64Array(volume.length)
  const [words, values, outWords] = [halves(volume), halves(to), halves(out)]
  let [low, high, toLow, toHigh] = [0, 0, 0, 0]
  for (let w = 0; w < words.length; w += 2) {
    if (words[w] !== low || words[w + 1] !== high) {
      low = words[w]!
      high = words[w + 1]!
      const none = low === 0 && high === 0
      const i = none ? -1 : index.get(low, high)
      if (i < 0 && !none) throw new RangeError(`id ${volume[w / 2]} is not in the table`)
      toLow = none ? 0 : values[2 * i]!
      toHigh = none ? 0 : values[2 * i + 1]!
    }
    outWords[w] = toLow
    outWords[w + 1] = toHigh
  }
  return out
}

/** How many voxels of a volume have each id; ids ascending, 0 included. */
export function countIds(volume: BigUint64Array): { ids: BigUint64Array; voxels: Float64Array } {
  const { labels, ids } = compactIds(volume)
  const voxels = new Float64Array(ids.length)
  for (let v = 0; v < labels.length; v++) voxels[labels[v]!]!++
  return { ids, voxels }
}
