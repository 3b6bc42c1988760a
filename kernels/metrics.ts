// How well a segmentation agrees with ground truth: contingency tables, variation of information, adapted Rand error.
import { PairIndex, halves, idsOf, orderPairs, rankIds } from './pair-index.ts'
import type { Contingency, Scores } from './segmentation-types.ts'

/** Dense index of every value of `ids`, and the values in order of first appearance. */
function dense(ids: BigUint64Array | Uint32Array): { index: Uint32Array; values: PairIndex } {
  const values = new PairIndex(1024)
  const index = new Uint32Array(ids.length)
  const [parts, stride] = ids instanceof Uint32Array ? [ids, 1] : [halves(ids), 2]
  let [low, high, last] = [-1, -1, 0]
  for (let i = 0; i < ids.length; i++) {
    const l = parts[stride * i]!
    const h = stride === 2 ? parts[2 * i + 1]! : 0
    if (l !== low || h !== high) {
      last = values.add(l, h)
      low = l
      high = h
    }
    index[i] = last
  }
  return { index, values }
}

function table(segs: BigUint64Array, gts: BigUint64Array, pairs: PairIndex, sums: Float64Array): Contingency {
  const [s, g] = [rankIds(segs), rankIds(gts)]
  const [a, b] = [new Uint32Array(pairs.size), new Uint32Array(pairs.size)]
  for (let i = 0; i < pairs.size; i++) {
    a[i] = s.rank[pairs.first[i]!]!
    b[i] = g.rank[pairs.second[i]!]!
  }
  const order = orderPairs(a, b, Math.max(segs.length, gts.length))
  const seg = new BigUint64Array(order.length)
  const gt = new BigUint64Array(order.length)
  const count = new Float64Array(order.length)
  for (let i = 0; i < order.length; i++) {
    const p = order[i]!
    seg[i] = s.sorted[a[p]!]!
    gt[i] = g.sorted[b[p]!]!
    count[i] = sums[p]!
  }
  return { seg, gt, count }
}

/**
 * Counts the voxels that each segment shares with each object of the ground truth.
 * @param seg one id per voxel; 0 counts as a segment of its own
 * @param gt one id per voxel, in the same order; voxels of 0 are ignored
 * @throws RangeError if the lengths differ
 */
export function contingency(seg: BigUint64Array, gt: Uint32Array | BigUint64Array): Contingency {
  if (seg.length !== gt.length)
    throw new RangeError(`${seg.length} voxels of segmentation, ${gt.length} of ground truth`)
  const s = dense(seg)
  const g = dense(gt)
  const ignored = g.values.get(0, 0)
  const pairs = new PairIndex(4096)
  let sums = new Float64Array(4096)
  let [lastS, lastG, at] = [-1, -1, 0]
  for (let i = 0; i < seg.length; i++) {
    const u = s.index[i]!
    const v = g.index[i]!
    if (v === ignored) continue
    if (u !== lastS || v !== lastG) {
      at = pairs.add(u, v)
      lastS = u
      lastG = v
      if (at >= sums.length) {
        const more = new Float64Array(2 * sums.length)
        more.set(sums)
        sums = more
      }
    }
    sums[at]!++
  }
  return table(idsOf(s.values), idsOf(g.values), pairs, sums)
}

/** The table of the union of disjoint boxes. */
export function mergeContingency(tables: readonly Contingency[]): Contingency {
  const total = tables.reduce((n, t) => n + t.count.length, 0)
  const join = (pick: (t: Contingency) => BigUint64Array): BigUint64Array => {
    const out = new BigUint64Array(total)
    let at = 0
    for (const t of tables) {
      out.set(pick(t), at)
      at += pick(t).length
    }
    return out
  }
  const s = dense(join(t => t.seg))
  const g = dense(join(t => t.gt))
  const pairs = new PairIndex(total)
  const sums = new Float64Array(total)
  let i = 0
  for (const t of tables) for (const n of t.count) sums[pairs.add(s.index[i]!, g.index[i++]!)]! += n
  return table(idsOf(s.values), idsOf(g.values), pairs, sums)
}

/** Voxels of each distinct id. */
function marginal(ids: BigUint64Array, count: Float64Array): Float64Array {
  const { index, values } = dense(ids)
  const sums = new Float64Array(values.size)
  for (let i = 0; i < count.length; i++) sums[index[i]!]! += count[i]!
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
