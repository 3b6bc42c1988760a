// Sorting edge tables, adding up the edges that stand in them more than once, and giving edges their thresholds.
import { PairIndex, orderPairs, rankIds } from './pair-index.ts'
import { blockCoordinate } from './relabel.ts'
import type { Edges, ThresholdedEdges } from './segmentation-types.ts'
import type { Vec3 } from './types.ts'

function concat<T extends BigUint64Array | Float64Array>(parts: readonly T[]): T {
  const out = new (parts[0]!.constructor as new (n: number) => T)(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const p of parts) {
    out.set(p as never, at)
    at += p.length
  }
  return out
}

/** All edges in one table, a < b, sorted; of parallel ones sums and counts add up, and the highest threshold stands. */
export function combineEdges(tables: readonly ThresholdedEdges[]): ThresholdedEdges {
  const ends = rankIds(concat([...tables.map(t => t.a), ...tables.map(t => t.b)]))
  const [sums, counts, thresholds] = [
    concat(tables.map(t => t.sum)),
    concat(tables.map(t => t.count)),
    concat(tables.map(t => t.threshold)),
  ]
  const m = sums.length
  const pairs = new PairIndex(m)
  const [sum, count, threshold] = [new Float64Array(m), new Float64Array(m), new Float64Array(m)]
  for (let e = 0; e < m; e++) {
    const [p, q] = [ends.rank[e]!, ends.rank[m + e]!]
    const i = p < q ? pairs.add(p, q) : pairs.add(q, p)
    sum[i]! += sums[e]!
    count[i]! += counts[e]!
    if (thresholds[e]! > threshold[i]!) threshold[i] = thresholds[e]!
  }
  const order = orderPairs(
    pairs.first.subarray(0, pairs.size),
    pairs.second.subarray(0, pairs.size),
    ends.sorted.length,
  )
  return {
    a: BigUint64Array.from(order, i => ends.sorted[pairs.first[i]!]!),
    b: BigUint64Array.from(order, i => ends.sorted[pairs.second[i]!]!),
    sum: Float64Array.from(order, i => sum[i]!),
    count: Float64Array.from(order, i => count[i]!),
    threshold: Float64Array.from(order, i => threshold[i]!),
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
