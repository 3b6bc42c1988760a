// Scores affinities against labels by the product's own kernels: `node models/train/score.ts AFFINITY.npy LABELS.npy`; prints JSON.
import { readFileSync } from 'node:fs'
import { bestAgglomeration, withoutBorder } from '../../kernels/faults.ts'
import { contingency, scores } from '../../kernels/metrics.ts'
import { agglomerate } from '../../kernels/segmentation/agglomerate.ts'
import type { Scores } from '../../kernels/segmentation/segmentation-types.ts'
import { regionGraph } from '../../kernels/segmentation/rag.ts'
import { watershed } from '../../kernels/segmentation/watershed.ts'
import { readNpy } from '../../storage/formats/npy.ts'

const [affinityFile, truthFile] = process.argv.slice(2)
const read = (path: string) => readNpy(readFileSync(path), path)
const affinity = read(affinityFile!).data as Uint8Array
const truth = read(truthFile!)
const [sz, sy, sx] = truth.shape as [number, number, number]
const shape = [sx, sy, sz] as const
const thresholds = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

const rounded = (v: number) => Math.round(1000 * v) / 1000
const labels = truth.data as Uint32Array
const core = withoutBorder(labels, shape, [0, 0, 0], [0, 0, 0])

const figures = (all: Scores, within: Scores) => ({
  voi: rounded(all.voiSum),
  split: rounded(all.voiSplit),
  merge: rounded(all.voiMerge),
  arand: rounded(all.arand),
  voiInner: rounded(within.voiSum),
  arandInner: rounded(within.arand),
})
const scored = (segments: BigUint64Array) =>
  figures(scores(contingency(segments, labels)), scores(contingency(segments, core)))

const found = watershed({
  affinity,
  shape,
  core: { min: [0, 0, 0], max: shape },
  params: { inside: 0.5, minSize: 64 },
})
const fragments = BigUint64Array.from(found.labels, BigInt)
const ids = BigUint64Array.from({ length: found.sizes.length }, (_, i) => BigInt(i))
const graph = regionGraph({ labels: found.labels, ids, affinity, shape, low: [0, 0, 0] })

function merged(threshold: number): BigUint64Array {
  const edges = { ...graph.edges, threshold: new Float64Array(graph.edges.a.length).fill(threshold) }
  const { merges } = agglomerate({ edges, nodes: graph.nodes, openFaces: 0 })
  const to = new Map<bigint, bigint>()
  for (let i = 0; i < merges.from.length; i++) to.set(merges.from[i]!, merges.to[i]!)
  return fragments.map(f => to.get(f) ?? f)
}

const rows = thresholds.map(threshold => ({ threshold, ...scored(merged(threshold)) }))
console.log(
  JSON.stringify({
    fragments: ids.length - 1,
    oracle: figures(bestAgglomeration(contingency(fragments, labels)), bestAgglomeration(contingency(fragments, core))),
    best: rows.reduce((a, b) => (b.voi < a.voi ? b : a)),
    thresholds: rows,
  }),
)
