// Scores affinities against labels by the product's own kernels: `node models/train/score.ts AFFINITY.npy LABELS.npy`; prints JSON.
import { readFileSync } from 'node:fs'
import { segmented, type Labelled } from '../../bench/segmentation.ts'
import { readNpy } from '../../storage/formats/npy.ts'

const [affinity, labels] = process.argv.slice(2).map(path => readNpy(readFileSync(path), path))
const [sz, sy, sx] = labels!.shape as [number, number, number]
const found = segmented(
  { affinity: affinity!.data as Labelled['affinity'], labels: labels!.data as Labelled['labels'], shape: [sx, sy, sz] },
  { inside: 0.5, minSize: 64 },
)
const rows = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map(threshold => ({
  threshold,
  ...found.at(threshold),
}))
const best = rows.reduce((a, b) => (b.voi < a.voi ? b : a))
const rounded = (_: string, v: unknown) => (typeof v === 'number' ? Math.round(1000 * v) / 1000 : v)
console.log(JSON.stringify({ fragments: found.fragments, oracle: found.oracle, best, thresholds: rows }, rounded))
