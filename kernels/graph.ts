// The neuron-to-neuron graph: synapses summed per pair of segments, and per segment.

export interface SynapsePairs {
  readonly pre: BigUint64Array
  readonly post: BigUint64Array
  readonly size: Uint32Array
  readonly score: Float32Array
}

export interface SegmentSizes {
  /** Ascending. */
  readonly id: BigUint64Array
  readonly voxels: Float64Array
}

export interface Connectivity {
  /** Sorted by pre, then post; score is the mean, size the sum over the synapses of the pair. */
  readonly edges: Pick<SynapsePairs, 'pre' | 'post'> & {
    readonly count: Uint32Array
    readonly score: Float64Array
    readonly size: Float64Array
  }
  /** With the synapses that the segment receives, and those that it makes. */
  readonly segments: {
    readonly id: BigUint64Array
    readonly voxels: Float64Array
    readonly inputs: Uint32Array
    readonly outputs: Uint32Array
  }
}

/** @throws RangeError when a synapse names a segment that is not in the list. */
export function connectivity(synapses: SynapsePairs, sizes: SegmentSizes): Connectivity {
  const place = new Map(Array.from(sizes.id, (id, i) => [id, i]))
  const at = (id: bigint): number => {
    const i = place.get(id)
    if (i === undefined) throw new RangeError(`a synapse names segment ${id}, which has no voxels`)
    return i
  }
  const inputs = new Uint32Array(sizes.id.length)
  const outputs = new Uint32Array(sizes.id.length)
  const pairs = new Map<number, { pre: number; post: number; count: number; score: number; size: number }>()
  for (let k = 0; k < synapses.pre.length; k++) {
    const pre = at(synapses.pre[k]!)
    const post = at(synapses.post[k]!)
    outputs[pre]!++
    inputs[post]!++
    const name = pre * sizes.id.length + post
    const pair = pairs.get(name) ?? { pre, post, count: 0, score: 0, size: 0 }
    pair.count++
    pair.score += synapses.score[k]!
    pair.size += synapses.size[k]!
    pairs.set(name, pair)
  }
  const rows = [...pairs.values()].sort((a, b) => a.pre - b.pre || a.post - b.post)
  return {
    edges: {
      pre: BigUint64Array.from(rows, r => sizes.id[r.pre]!),
      post: BigUint64Array.from(rows, r => sizes.id[r.post]!),
      count: Uint32Array.from(rows, r => r.count),
      score: Float64Array.from(rows, r => r.score / r.count),
      size: Float64Array.from(rows, r => r.size),
    },
    segments: { id: sizes.id.slice(), voxels: sizes.voxels.slice(), inputs, outputs },
  }
}
