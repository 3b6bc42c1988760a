// What became of every segment between two segmentations of the same voxels: split, merged, new, gone, under another id.
import type { Contingency, SegmentChanges } from './segmentation-types.ts'

/** Distinct ids with the voxels of each, as `countIds` gives them; 0 is no segment. */
export interface Sizes {
  readonly ids: BigUint64Array
  readonly voxels: Float64Array
}

const add = (to: Map<bigint, bigint[]>, key: bigint, value: bigint): void => {
  const list = to.get(key)
  if (!list) to.set(key, [value])
  else if (!list.includes(value)) list.push(value)
}
const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

/** The sizes of disjoint boxes, summed; ids ascending. */
export function addSizes(parts: readonly Sizes[]): Sizes {
  const sums = new Map<bigint, number>()
  for (const { ids, voxels } of parts) ids.forEach((id, i) => sums.set(id, (sums.get(id) ?? 0) + voxels[i]!))
  const ids = BigUint64Array.from(sums.keys()).sort()
  return { ids, voxels: Float64Array.from(ids, id => sums.get(id)!) }
}

/**
 * Exact, though only the boxes that differ are looked at: a segment with more voxels in all than in these goes on elsewhere, where it is the same in
 * both. The parts of a segment are all segments that share a voxel with it.
 * @param shared voxels of each pair of segments (before, after) in the boxes that differ
 * @param before segments of the first segmentation in these boxes; `after` those of the second
 * @param all segments of the first in the whole volume
 */
export function segmentChanges(shared: Contingency, before: Sizes, after: Sizes, all: Sizes): SegmentChanges {
  const into = new Map<bigint, bigint[]>()
  const from = new Map<bigint, bigint[]>()
  const join = (a: bigint, b: bigint): void => {
    if (a === 0n || b === 0n) return
    add(into, a, b)
    add(from, b, a)
  }
  shared.seg.forEach((a, i) => join(a, shared.gt[i]!))
  const here = new Map(Array.from(before.ids, (id, i) => [id, before.voxels[i]!]))
  all.ids.forEach((id, i) => {
    if (all.voxels[i]! > (here.get(id) ?? 0)) join(id, id)
  })
  const changes: SegmentChanges = { split: [], merged: [], gone: [], fresh: [], renamed: [] }
  for (const a of before.ids) {
    if (a === 0n) continue
    const parts = (into.get(a) ?? []).sort(ascending)
    if (parts.length === 0) changes.gone.push(a)
    else if (parts.length > 1) changes.split.push({ segment: a, into: parts })
    else if (parts[0] !== a && from.get(parts[0]!)!.length === 1) changes.renamed.push({ segment: a, to: parts[0]! })
  }
  for (const b of after.ids) {
    if (b === 0n) continue
    const parts = (from.get(b) ?? []).sort(ascending)
    if (parts.length === 0) changes.fresh.push(b)
    else if (parts.length > 1) changes.merged.push({ segment: b, from: parts })
  }
  return changes
}
