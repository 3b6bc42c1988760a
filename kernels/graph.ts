// The neuron-to-neuron graph: synapses sorted by one partner and summed per pair of segments, and what each segment has of them.
import { concat, rowsAt, type Column } from './arrays.ts'
import { halves, indexIds, orderPairs, rankIds } from './segmentation/pair-index.ts'

/** What a table of synapses has beside other columns. */
export interface SynapsePairs {
  readonly id: BigUint64Array
  readonly pre: BigUint64Array
  readonly post: BigUint64Array
  readonly size: Uint32Array
  readonly score: Float32Array
}

/** Pairs of segments with synapses, each once; score is the mean, size the sum over the synapses of the pair. */
export interface SynapseEdges {
  readonly pre: BigUint64Array
  readonly post: BigUint64Array
  readonly count: Uint32Array
  readonly score: Float64Array
  readonly size: Float64Array
}

/** Synapses sorted by one partner, then the other, then id; and the edges in that order. Sums run by id: the same bits whichever partner comes first. */
export function byPartner<T extends SynapsePairs & { readonly [K in keyof T]: Column }>(
  synapses: T,
  partner: 'pre' | 'post',
): { rows: T; edges: SynapseEdges } {
  const { rank: place } = rankIds(synapses.id)
  const byId = new Uint32Array(place.length)
  place.forEach((p, i) => (byId[p] = i))
  const { pre, post } = rowsAt({ pre: synapses.pre, post: synapses.post }, byId)
  const { rank, sorted } = rankIds(concat(partner === 'pre' ? [pre, post] : [post, pre]))
  const order = orderPairs(rank.subarray(0, pre.length), rank.subarray(pre.length), sorted.length)
  const rows = rowsAt(
    synapses,
    order.map(i => byId[i]!),
  )
  const firsts = Uint32Array.from(rows.pre.keys()).filter(
    i => i === 0 || rows.pre[i] !== rows.pre[i - 1] || rows.post[i] !== rows.post[i - 1],
  )
  const sum = (column: Uint32Array | Float32Array): Float64Array =>
    Float64Array.from(firsts, (first, e) => {
      let total = 0
      for (let i = first; i < (firsts[e + 1] ?? column.length); i++) total += column[i]!
      return total
    })
  const count = Uint32Array.from(firsts, (first, e) => (firsts[e + 1] ?? order.length) - first)
  const edges = {
    ...rowsAt({ pre: rows.pre, post: rows.post }, firsts),
    count,
    score: sum(rows.score).map((s, e) => s / count[e]!),
    size: sum(rows.size),
  }
  return { rows, edges }
}

/** Of each segment of a list: its synapses, and how many segments are its partners in them, by what the segment is in these edges. */
export function partnersOf(
  segments: BigUint64Array,
  edges: Pick<SynapseEdges, 'pre' | 'post' | 'count'>,
  as: 'pre' | 'post',
): { synapses: Uint32Array; partners: Uint32Array } {
  const index = indexIds(segments)
  const ids = halves(edges[as])
  const [synapses, partners] = [new Uint32Array(segments.length), new Uint32Array(segments.length)]
  for (let e = 0; e < edges.count.length; e++) {
    const i = index.get(ids[2 * e]!, ids[2 * e + 1]!)
    if (i < 0) throw new RangeError(`a synapse names segment ${edges[as][e]}, which has no voxels`)
    synapses[i]! += edges.count[e]!
    partners[i]!++
  }
  return { synapses, partners }
}
