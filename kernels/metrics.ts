// How well a segmentation agrees with ground truth: contingency tables, variation of information, adapted Rand error.
import { concat, longer, rowsAt } from './arrays.ts'
import { PairIndex, dense, idsOf, orderPairs, rankIds } from './segmentation/pair-index.ts'
import type { Contingency, Scores } from './segmentation/segmentation-types.ts'

/** The sorted table of pairs of places among the ids of the two sides. */
function table(seg: PairIndex, gt: PairIndex, pairs: PairIndex, count: Float64Array, first: Float64Array): Contingency {
  const [s, g] = [rankIds(idsOf(seg)), rankIds(idsOf(gt))]
  const a = Uint32Array.from({ length: pairs.size }, (_, i) => s.rank[pairs.first[i]!]!)
  const b = Uint32Array.from({ length: pairs.size }, (_, i) => g.rank[pairs.second[i]!]!)
  const rows = { seg: BigUint64Array.from(a, i => s.sorted[i]!), gt: BigUint64Array.from(b, i => g.sorted[i]!) }
  return rowsAt({ ...rows, count, first }, orderPairs(a, b, Math.max(seg.size, gt.size)))
}

/**
 * Counts the voxels that each segment shares with each object of the ground truth; `first` is the place of the first of them in the arrays.
 * @param seg one id per voxel; 0 counts as a segment of its own
 * @param gt one id per voxel, in the same order; voxels of 0 are ignored
 * @throws RangeError if the lengths differ
 */
export function contingency(seg: BigUint64Array, gt: Uint32Array | BigUint64Array): Contingency {
  if (seg.length !== gt.length)
    throw new RangeError(`${seg.length} voxels of segmentation, ${gt.length} of ground truth`)
  const [s, g, pairs] = [new PairIndex(1024), new PairIndex(1024), new PairIndex(4096)]
  const [us, vs] = [dense(seg, s), dense(gt, g)]
  const ignored = g.get(0, 0)
  let sums = new Float64Array(4096)
  let first = new Float64Array(4096)
  let [lastU, lastV, at] = [-1, -1, 0]
  for (let i = 0; i < seg.length; i++) {
    const u = us[i]!
    const v = vs[i]!
    if (v === ignored) continue
    if (u !== lastU || v !== lastV) {
      at = pairs.add(u, v)
      lastU = u
      lastV = v
      if (at >= sums.length) {
        sums = longer(sums)
        first = longer(first)
      }
      if (sums[at] === 0) first[at] = i
    }
    sums[at]!++
  }
  return table(s, g, pairs, sums, first)
}

/** The table of the union of disjoint boxes, whose `first` count in the same order. */
export function mergeContingency(tables: readonly Contingency[]): Contingency {
  const [s, g, pairs] = [new PairIndex(1024), new PairIndex(1024), new PairIndex(1024)]
  const us = dense(concat([new BigUint64Array(), ...tables.map(t => t.seg)]), s)
  const vs = dense(concat([new BigUint64Array(), ...tables.map(t => t.gt)]), g)
  const sums = new Float64Array(us.length)
  const first = new Float64Array(us.length).fill(Infinity)
  let i = 0
  for (const t of tables)
    for (const [row, n] of t.count.entries()) {
      const at = pairs.add(us[i]!, vs[i++]!)
      sums[at]! += n
      first[at] = Math.min(first[at]!, t.first[row]!)
    }
  return table(s, g, pairs, sums, first)
}

/** Sum for each distinct id, in order of first appearance. */
export function marginal(ids: BigUint64Array, count: Float64Array): Float64Array {
  const values = new PairIndex(1024)
  const places = dense(ids, values)
  const sums = new Float64Array(values.size)
  for (let i = 0; i < count.length; i++) sums[places[i]!]! += count[i]!
  return sums
}

/** Sum of n log2 n, and of n squared. */
function moments(count: Float64Array): { nLogN: number; squares: number } {
  let [nLogN, squares] = [0, 0]
  for (const n of count) {
    if (n > 0) nLogN += n * Math.log2(n)
    squares += n * n
  }
  return { nLogN, squares }
}

/**
 * Variation of information (Meila 2003) in bits and adapted Rand error (SNEMI3D, CREMI) of a contingency table:
 * split = H(seg|gt), merge = H(gt|seg); error = 1 - 2PR/(P+R), P = sum n_ij^2 / sum n_i.^2 (segments),
 * R = sum n_ij^2 / sum n_.j^2 (objects). An empty table agrees perfectly.
 */
export function scores(t: Contingency): Scores {
  const seg = marginal(t.seg, t.count)
  const gt = marginal(t.gt, t.count)
  const voxels = t.count.reduce((a, b) => a + b, 0)
  if (voxels === 0) return { voiSplit: 0, voiMerge: 0, voiSum: 0, arand: 0, voxels: 0, segments: 0, objects: 0 }
  const [joint, bySeg, byGt] = [moments(t.count), moments(seg), moments(gt)]
  // Rounding may leave a conditional entropy of zero slightly below it.
  const voiSplit = Math.max(0, (byGt.nLogN - joint.nLogN) / voxels)
  const voiMerge = Math.max(0, (bySeg.nLogN - joint.nLogN) / voxels)
  // 2PR/(P+R) with P and R as above simplifies to this.
  const arand = Math.max(0, 1 - (2 * joint.squares) / (bySeg.squares + byGt.squares))
  return { voiSplit, voiMerge, voiSum: voiSplit + voiMerge, arand, voxels, segments: seg.length, objects: gt.length }
}
