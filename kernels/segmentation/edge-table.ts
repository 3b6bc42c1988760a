// Tables of edges: contacts counted per pair, parallel edges added up, edges sorted, and their thresholds.
import { concat, longer, rowsAt } from '../arrays.ts'
import { PairIndex, orderPairs, rankIds } from './pair-index.ts'
import { blockCoordinate } from './relabel.ts'
import type { Edges, ThresholdedEdges } from './segmentation-types.ts'
import type { Vec3 } from '../types.ts'

/** Sums and counts of the contacts of each pair of labels, in whatever order its ends are given. */
export class Contacts {
  readonly pairs: PairIndex
  sum: Float64Array
  count: Float64Array
  private u = -1
  private v = -1
  private at = 0

  constructor(expected = 4096) {
    this.pairs = new PairIndex(expected)
    this.sum = new Float64Array(this.pairs.first.length)
    this.count = this.sum.slice()
  }

  /** Adds to a pair; gives its row. */
  add(u: number, v: number, sum: number, count: number): number {
    if (u !== this.u || v !== this.v) {
      this.u = u
      this.v = v
      this.at = u < v ? this.pairs.add(u, v) : this.pairs.add(v, u)
      if (this.at >= this.sum.length) {
        this.sum = longer(this.sum)
        this.count = longer(this.count)
      }
    }
    this.sum[this.at]! += sum
    this.count[this.at]! += count
    return this.at
  }
}

/** All edges in one table, a < b, sorted; of parallel ones sums and counts add up, and the highest threshold stands. */
export function combineEdges(tables: readonly ThresholdedEdges[]): ThresholdedEdges {
  const { sorted, rank } = rankIds(concat([...tables.map(t => t.a), ...tables.map(t => t.b)]))
  const all = {
    sum: concat(tables.map(t => t.sum)),
    count: concat(tables.map(t => t.count)),
    threshold: concat(tables.map(t => t.threshold)),
  }
  const m = all.sum.length
  const contacts = new Contacts(m)
  const threshold = new Float64Array(m)
  for (let e = 0; e < m; e++) {
    const i = contacts.add(rank[e]!, rank[m + e]!, all.sum[e]!, all.count[e]!)
    if (all.threshold[e]! > threshold[i]!) threshold[i] = all.threshold[e]!
  }
  const { pairs, sum, count } = contacts
  const [first, second] = [pairs.first.subarray(0, pairs.size), pairs.second.subarray(0, pairs.size)]
  const order = orderPairs(first, second, sorted.length)
  return {
    a: BigUint64Array.from(order, i => sorted[first[i]!]!),
    b: BigUint64Array.from(order, i => sorted[second[i]!]!),
    ...rowsAt({ sum, count, threshold }, order),
  }
}

export interface EdgeThresholdRequest {
  readonly edges: Edges
  /** Grid coordinate of the lowest block of the region. */
  readonly firstBlock: Vec3
  /** Threshold of the region, and of its lower neighbour on each axis, as probabilities. */
  readonly threshold: number
  readonly low: Vec3
}

/** The edges of a region, each with the highest threshold among the regions that its contacts lie in. */
export function edgeThresholds({ edges, firstBlock, threshold, low }: EdgeThresholdRequest): ThresholdedEdges {
  const out = new Float64Array(edges.a.length)
  for (let e = 0; e < out.length; e++) {
    out[e] = threshold
    // An end outside is in the region below on the one axis on which its block is out of range.
    for (const id of [edges.a[e]!, edges.b[e]!])
      for (let axis = 0; axis < 3; axis++)
        if (blockCoordinate(id, axis) < firstBlock[axis]!) out[e] = Math.max(threshold, low[axis]!)
  }
  return { ...edges, threshold: out }
}
