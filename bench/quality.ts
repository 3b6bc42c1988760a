// `node bench/quality.ts [SET...] [--set model=FOLDER ...]`: what each choice of parameters gains or loses on every data set with truth, in folds of z that are segmented each by itself.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readModel } from '../activities/model.ts'
import { truthFile } from '../activities/quality/truth.ts'
import { withAffinityModel } from '../client/affinity-model.ts'
import { readRunFile } from '../client/run-file.ts'
import type { RunConfig } from '../domain/config.ts'
import { boxAt, shapeOf, voxels, type Box } from '../domain/geometry.ts'
import { copyOverlap } from '../storage/formats/volume.ts'
import { checkout } from '../worker/home.ts'
import { table } from './common/print.ts'
import { host, throughModel } from './common/through-model.ts'
import { segmented, type Labelled } from './segmentation.ts'

/** Data with a truth, each by its run file in examples/, and the folds of z that it is cut into. */
const SETS = { fib25: 4, gala: 1, isbi: 2, snemi: 2 }

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

const { values, positionals } = parseArgs({
  options: { set: { type: 'string', multiple: true } },
  allowPositionals: true,
})
for (const [name, count] of Object.entries(SETS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  let config: RunConfig
  try {
    config = withAffinityModel(readRunFile(join(checkout, `examples/${name}.yaml`), values.set))
  } catch (e) {
    console.log(`${name}: skipped: ${(e as Error).message}`)
    continue
  }
  const { source, evaluate, model, voxelSizeNm, stages } = config
  const truth = await truthFile(evaluate.truth!, [0, 0, 0], undefined, evaluate.ignore)
  const { bounds } = truth
  const { stack } = source as { stack: string }
  const em = Uint8Array.from((await truthFile(stack)).labels(bounds) as Uint32Array)
  const labels = truth.labels(bounds) as Labelled['labels']
  const affinity = await throughModel(await readModel(model!, voxelSizeNm), em, bounds, 3)
  const whole = { affinity, labels, shape: shapeOf(bounds) }
  const parts = folds(whole, boxAt([0, 0, 0], whole.shape), count)
  const rows = Object.entries(CHOICES).map(([what, choice]) => {
    const { bySection } = stages.supervoxel
    const { threshold, truth: ofTruth, ...params } = { ...DEFAULTS, bySection, ...choice }
    const found = parts.map(part => {
      const s = segmented(ofTruth ? { ...part, affinity: trueAffinities(part) } : part, params)
      return { ...s.at(threshold), oracle: s.oracle.voi }
    })
    const of = (f: keyof (typeof found)[number]): string => stated(found.map(r => r[f]))
    return [what, of('voi'), of('split'), of('merge'), of('voiInner'), of('arand'), of('oracle')]
  })
  console.log(`${name} by ${model}: ${count} folds of ${parts[0]!.shape.join(' x ')} voxels`)
  console.log(table(['choice', 'VOI', 'split', 'merge', 'without borders', 'ARAND', 'best of fragments'], rows))
}
host.close()
