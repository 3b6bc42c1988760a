// `node bench/quality.ts [SET...]`: what each choice of parameters gains or loses on every data set with truth, in folds of z that are segmented each by itself.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readModel } from '../activities/model.ts'
import { truthFile } from '../activities/quality/truth.ts'
import { boxAt, shapeOf, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import { copyOverlap } from '../storage/formats/volume.ts'
import { dataRoot } from '../worker/home.ts'
import { table } from './common/print.ts'
import { host, throughModel } from './common/through-model.ts'
import { segmented, type Labelled } from './segmentation.ts'

interface DataSet {
  readonly name: string
  /** What stands in place of EM, which is read as labels are, and the model that makes affinities of it. */
  readonly em: string
  readonly truth: string
  readonly ignore?: readonly number[]
  readonly voxelSizeNm: Vec3
  readonly model: string
  readonly folds: number
  readonly bySection?: boolean
}

const SETS: readonly DataSet[] = [
  {
    name: 'fib25',
    em: 'fib25-medulla/raw.npy.gz',
    truth: 'fib25-medulla/gt.npy.gz',
    voxelSizeNm: [10, 10, 10],
    model: 'models/fib-affinity',
    folds: 4,
  },
  {
    name: 'gala',
    em: 'fibsem-gala/example/raw.npy.gz',
    truth: 'fibsem-gala/example/gt.npy.gz',
    voxelSizeNm: [10, 10, 10],
    model: 'models/fib-affinity',
    folds: 1,
  },
  {
    name: 'isbi',
    em: 'isbi2012-trakem2/membranes',
    truth: 'isbi2012-trakem2/neurites',
    ignore: [249],
    voxelSizeNm: [4, 4, 50],
    model: 'models/boundary-map',
    folds: 2,
    bySection: true,
  },
  {
    name: 'snemi',
    em: 'snemi-mini/train-probabilities.tif',
    truth: 'snemi-mini/train-labels.tif',
    ignore: [1],
    voxelSizeNm: [6, 6, 30],
    model: 'models/boundary-map',
    folds: 2,
  },
]

/** Defaults of the stages, and one change of them after the other. */
const DEFAULTS = { inside: 0.5, minSize: 64, threshold: 0.4 }
type Choice = Partial<typeof DEFAULTS> & {
  readonly bySection?: boolean
  readonly flood?: 'mean' | 'affinity'
  readonly truth?: boolean
}
const CHOICES: Readonly<Record<string, Choice>> = {
  defaults: {},
  'threshold 0.3': { threshold: 0.3 },
  'threshold 0.5': { threshold: 0.5 },
  'threshold 0.6': { threshold: 0.6 },
  'threshold 0.7': { threshold: 0.7 },
  'inside 0.85': { inside: 0.85 },
  'minSize 256': { minSize: 256 },
  'section by section, 0.5': { bySection: true, threshold: 0.5 },
  'flood by affinity': { flood: 'affinity' },
  'flood by affinity, 0.3': { flood: 'affinity', threshold: 0.3 },
  'flood by affinity, 0.6': { flood: 'affinity', threshold: 0.6 },
  'flood by affinity, 0.7': { flood: 'affinity', threshold: 0.7 },
  'true affinities': { truth: true },
  'true affinities, flood by affinity': { truth: true, flood: 'affinity' },
}

type Bytes = Labelled['affinity']

/** Two neighbours belong together where both are of one object. */
function trueAffinities({ labels, shape: [sx, sy] }: Labelled): Bytes {
  const out = new Uint8Array(3 * labels.length)
  for (const [c, step] of [sx * sy, sx, 1].entries())
    for (let i = 0; i < labels.length; i++) {
      const [x, y, z] = [i % sx, Math.floor(i / sx) % sy, Math.floor(i / (sx * sy))]
      const other = [z, y, x][c] === 0 ? i : i - step
      if (labels[i] !== 0 && labels[i] === labels[other]) out[c * labels.length + i] = 255
    }
  return out
}

/** The slices of each fold. */
function folds(whole: Labelled, bounds: Box, count: number): Labelled[] {
  return Array.from({ length: count }, (_, k) => {
    const [from, to] = [k, k + 1].map(i => Math.floor((i * whole.shape[2]) / count))
    const box: Box = { min: [0, 0, from!], max: [whole.shape[0], whole.shape[1], to!] }
    const affinity = new Uint8Array(3 * voxels(box))
    copyOverlap(whole.affinity, bounds, affinity, box, 3)
    const labels = new Uint32Array(voxels(box))
    copyOverlap(whole.labels, bounds, labels, box, 1)
    return { affinity, labels, shape: shapeOf(box) }
  })
}

const stated = (values: readonly number[]): string => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const spread = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / Math.max(1, values.length - 1))
  return mean.toFixed(3) + (values.length > 1 ? ` ± ${spread.toFixed(3)}` : '')
}

const asked = process.argv.slice(2)
for (const set of SETS.filter(s => asked.length === 0 || asked.includes(s.name))) {
  const at = (path: string): string => join(dataRoot(), path)
  if (!existsSync(at(set.truth))) {
    console.log(`${set.name}: skipped, there is no ${at(set.truth)} (docs/data.md)`)
    continue
  }
  const truth = await truthFile(at(set.truth), [0, 0, 0], undefined, set.ignore)
  const { bounds } = truth
  const em = Uint8Array.from((await truthFile(at(set.em))).labels(bounds) as Uint32Array)
  const labels = truth.labels(bounds) as Labelled['labels']
  const affinity = await throughModel(await readModel(set.model, set.voxelSizeNm), em, bounds, 3)
  const whole = { affinity, labels, shape: shapeOf(bounds) }
  const parts = folds(whole, boxAt([0, 0, 0], whole.shape), set.folds)
  const rows = Object.entries(CHOICES).map(([name, choice]) => {
    const { threshold, truth: ofTruth, ...params } = { ...DEFAULTS, bySection: set.bySection ?? false, ...choice }
    const found = parts.map(part => {
      const s = segmented(ofTruth ? { ...part, affinity: trueAffinities(part) } : part, params)
      return { ...s.at(threshold), oracle: s.oracle.voi }
    })
    const of = (f: keyof (typeof found)[number]): string => stated(found.map(r => r[f]))
    return [name, of('voi'), of('split'), of('merge'), of('voiInner'), of('arand'), of('oracle')]
  })
  console.log(`${set.name}: ${set.folds} folds of ${parts[0]!.shape.join(' x ')} voxels`)
  console.log(table(['choice', 'VOI', 'split', 'merge', 'without borders', 'ARAND', 'best of fragments'], rows))
}
host.close()
