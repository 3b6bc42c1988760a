// Affinities segmented by the product's own kernels in one block, and the figures of it against labels.
import { bestAgglomeration, withoutBorder } from '../kernels/faults.ts'
import { contingency, scores } from '../kernels/metrics.ts'
import { agglomerate } from '../kernels/segmentation/agglomerate.ts'
import { regionGraph } from '../kernels/segmentation/rag.ts'
import type { Contingency, Scores } from '../kernels/segmentation/segmentation-types.ts'
import { watershed, type WatershedRequest } from '../kernels/segmentation/watershed.ts'
import type { Vec3 } from '../kernels/types.ts'

export interface Labelled {
  /** To the lower neighbour, z, y, x; 255 x probability. */
  readonly affinity: Uint8Array<ArrayBuffer>
  readonly labels: Uint32Array<ArrayBuffer>
  readonly shape: Vec3
}

export function segmented({ affinity, labels, shape }: Labelled, params: WatershedRequest['params']) {
  const found = watershed({ affinity, shape, core: { min: [0, 0, 0], max: shape }, params })
  const fragments = BigUint64Array.from(found.labels, BigInt)
  const ids = BigUint64Array.from({ length: found.sizes.length }, (_, i) => BigInt(i))
  const graph = regionGraph({ labels: found.labels, ids, affinity, shape, low: [0, 0, 0] })
  const core = withoutBorder(labels, shape, [0, 0, 0], [0, 0, 0])
  const figures = (segments: BigUint64Array, of: (t: Contingency) => Scores) => {
    const [all, inner] = [labels, core].map(l => of(contingency(segments, l)))
    return {
      voi: all!.voiSum,
      split: all!.voiSplit,
      merge: all!.voiMerge,
      arand: all!.arand,
      voiInner: inner!.voiSum,
      arandInner: inner!.arand,
    }
  }
  return {
    fragments: found.count,
    /** Of the best agglomeration. */
    oracle: figures(fragments, bestAgglomeration),
    at(threshold: number) {
      const edges = { ...graph.edges, threshold: new Float64Array(graph.edges.a.length).fill(threshold) }
      const { merges } = agglomerate({ edges, nodes: graph.nodes, openFaces: 0 })
      const to = ids.slice()
      for (const [i, id] of merges.from.entries()) to[Number(id)] = merges.to[i]!
      return figures(
        fragments.map(f => to[Number(f)]!),
        scores,
      )
    },
  }
}
