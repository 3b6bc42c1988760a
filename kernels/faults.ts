// Where a segmentation loses against ground truth: its worst merges and splits, without the borders of objects, and the best that its fragments allow.
import { PairIndex, dense } from './segmentation/pair-index.ts'
import { mergeContingency, scores } from './metrics.ts'
import type { Contingency, Scores } from './segmentation/segmentation-types.ts'
import type { Vec3 } from './types.ts'

/** A segment that holds several objects, or an object that lies in several segments. */
export interface Fault {
  readonly kind: 'merge' | 'split'
  /** The segment that is merged, or the object that is split. */
  readonly id: bigint
  /** Objects or segments that it is divided among, that with most voxels first. */
  readonly parts: readonly bigint[]
  /** What it adds to VOI merge or VOI split. */
  readonly bits: number
  /** First voxel of the second largest part, as the table has it. */
  readonly first: number
}

/** Parts that are listed of one fault. */
const PARTS = 10

/**
 * The `most` merges and the `most` splits that cost most bits, in that order; ties go by id. Segment 0, what is not segmented, is no merge.
 * @param t of the whole
 */
export function worstFaults(t: Contingency, most: number): Fault[] {
  const total = t.count.reduce((a, b) => a + b, 0)
  const of = (kind: Fault['kind'], ids: BigUint64Array, parts: BigUint64Array): Fault[] => {
    const rows = new Map<bigint, number[]>()
    ids.forEach((id, i) => rows.get(id)?.push(i) ?? rows.set(id, [i]))
    const found: Fault[] = []
    for (const [id, places] of rows) {
      if (places.length < 2 || (kind === 'merge' && id === 0n)) continue
      const sum = places.reduce((n, i) => n + t.count[i]!, 0)
      const bits = places.reduce((n, i) => n + t.count[i]! * Math.log2(sum / t.count[i]!), 0) / total
      const byVoxels = places.toSorted((a, b) => t.count[b]! - t.count[a]! || (parts[a]! < parts[b]! ? -1 : 1))
      found.push({
        kind,
        id,
        parts: byVoxels.slice(0, PARTS).map(i => parts[i]!),
        bits,
        first: t.first[byVoxels[1]!]!,
      })
    }
    return found.sort((a, b) => b.bits - a.bits || (a.id < b.id ? -1 : 1)).slice(0, most)
  }
  return [...of('merge', t.seg, t.gt), ...of('split', t.gt, t.seg)]
}

/**
 * Scores of the agglomeration that gives each fragment to the object of which it holds most (the smaller id where it holds as much of two):
 * what no agglomeration can better by much. What belongs to no fragment (0) stays so.
 * @param t of fragments and objects
 */
export function bestAgglomeration(t: Contingency): Scores {
  const fragments = new PairIndex(1024)
  const places = dense(t.seg, fragments)
  const best = new Int32Array(fragments.size).fill(-1)
  // Rows are sorted, so that the first of equal ones has the smallest id.
  for (let i = 0; i < places.length; i++) {
    const p = places[i]!
    if (best[p]! < 0 || t.count[i]! > t.count[best[p]!]!) best[p] = i
  }
  const seg = t.seg.map((id, i) => (id === 0n ? 0n : t.gt[best[places[i]!]!]!))
  return scores(mergeContingency([{ ...t, seg }]))
}

/**
 * Labels without the voxels of which one of the six neighbours has another label (0 included): where nobody can say to whom a voxel belongs.
 * @param labels x fastest
 * @param low voxels at the lower end of each axis that are looked at as neighbours and are not part of what is returned; `high` at the upper end
 */
export function withoutBorder<T extends Uint32Array | BigUint64Array>(
  labels: T,
  shape: Vec3,
  low: Vec3,
  high: Vec3,
): T {
  const [sx, sy, sz] = shape
  const [nx, ny, nz] = shape.map((n, a) => n - low[a]! - high[a]!) as [number, number, number]
  const out = new (labels.constructor as new (n: number) => T)(nx * ny * nz)
  let to = 0
  for (let z = low[2]; z < sz - high[2]; z++)
    for (let y = low[1]; y < sy - high[1]; y++) {
      let i = sx * (y + sy * z) + low[0]
      for (let x = low[0]; x < sx - high[0]; x++, i++, to++) {
        const l = labels[i]
        const inside =
          (x === 0 || labels[i - 1] === l) &&
          (x === sx - 1 || labels[i + 1] === l) &&
          (y === 0 || labels[i - sx] === l) &&
          (y === sy - 1 || labels[i + sx] === l) &&
          (z === 0 || labels[i - sx * sy] === l) &&
          (z === sz - 1 || labels[i + sx * sy] === l)
        if (inside) out[to] = l!
      }
    }
  return out
}
