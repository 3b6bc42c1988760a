// `node bench/synapses.ts [--model FOLDER]`: synapses by the maps of the kernel, and by those of a model, on phantoms that no model is trained on and, as clefts alone, on sections of a fly.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readModel } from '../activities/model.ts'
import { against } from '../activities/quality/synapse-truth.ts'
import { truthFile } from '../activities/quality/truth.ts'
import { boxAt, shapeOf, type Vec3 } from '../domain/geometry.ts'
import { StagesConfig } from '../domain/stages.ts'
import { downsampleMean } from '../kernels/downsample.ts'
import { meanAndStd } from '../kernels/sections/tile-quality.ts'
import { findClefts } from '../kernels/synapse/clefts.ts'
import { synapseMap } from '../kernels/synapse/map.ts'
import { scoreSynapses, type ScoredSynapse, type SynapseScores } from '../kernels/synapse/score.ts'
import { synapseHalo, synapses } from '../kernels/synapse/synapse.ts'
import { dataRoot } from '../worker/home.ts'
import { cleanPhantom } from './common/clean-phantom.ts'
import { table } from './common/print.ts'
import { host, throughModel } from './common/through-model.ts'

/** Others than those that models/train/README.md trains on. */
const HELD_OUT = [105, 106]
const SIZE: Vec3 = [160, 160, 96]

type Bytes = Uint8Array<ArrayBuffer>
interface Volume {
  readonly em: Bytes
  readonly shape: Vec3
}
interface Maps {
  readonly cleft: Bytes
  /** Or the presynaptic side. */
  readonly vesicles: Bytes
}
interface Maker {
  readonly name: string
  /** From which a voxel of the map is cleft, one after the other. */
  readonly thresholds: readonly number[]
  readonly of: (v: Volume) => Promise<Maps>
}

const { synapse, render, 'synapse-map': map } = StagesConfig.parse({})
const whole = ({ shape }: Pick<Volume, 'shape'>) => boxAt([0, 0, 0], shape)
const { model: folder } = parseArgs({ options: { model: { type: 'string' } } }).values
const makers: Maker[] = [
  {
    name: 'kernel',
    thresholds: [synapse.minCleft],
    of: async v => synapseMap({ ...v, core: whole(v), params: map }),
  },
]
if (folder !== undefined) {
  const model = await readModel(folder, [10, 10, 10], 'synapse')
  makers.push({
    name: model.name,
    thresholds: [synapse.minCleft, 128, 192],
    of: async v => {
      const both = await throughModel(model, v.em, whole(v), 2)
      return { cleft: both.slice(0, v.em.length), vesicles: both.slice(v.em.length) }
    },
  })
}

/** By the kernels of the stages `synapse` and `evaluate`, the neurites of the truth in place of segments. */
function onPhantom(v: ReturnType<typeof cleanPhantom> & Volume, maps: Maps, minCleft: number): SynapseScores {
  const ids = BigUint64Array.from({ length: v.labels.reduce((a, b) => Math.max(a, b), 0) + 1 }, (_, i) => BigInt(i))
  const params = { ...synapse, minCleft }
  const request = { ...maps, labels: v.labels, ids, shape: v.shape, origin: [0, 0, 0], core: whole(v), params } as const
  const { x, y, z, pre, post } = synapses(request).table
  const found = Array.from(pre, (id, i) => ({ x: x[i]!, y: y[i]!, z: z[i]!, pre: Number(id), post: Number(post[i]) }))
  return scoreSynapses(found, ...against(v.truth.synapses, whole(v)))
}

/** Sections of 4.6 nm, 45 to 50 nm thick, are halved and repeated to voxels of about 9.2 x 9.2 x 9.6 nm, which is what both makers are for. */
const THICK = 5
/** Among their labels. */
const SYNAPSE = 223

async function sections(folder: string): Promise<Volume & { readonly marked: Bytes }> {
  const halved = async (kind: string, of: (v: number) => number) => {
    const { bounds, labels } = await truthFile(join(folder, kind))
    return downsampleMean(Uint8Array.from(labels(bounds) as Uint32Array, of), shapeOf(bounds), [2, 2, 1])
  }
  const grey = await halved('raw', v => v)
  const marks = await halved('labels', v => (v === SYNAPSE ? 255 : 0))
  const [sx, sy, sz] = grey.shape
  const plane = sx * sy
  const [em, marked] = [new Uint8ClampedArray(plane * sz * THICK), new Uint8Array(plane * sz * THICK)]
  for (let k = 0; k < sz * THICK; k++) {
    const [first, last] = [0, 1].map(n => plane * (Math.floor(k / THICK) + n))
    // As `render` brings every section to the same grey values.
    const section = grey.data.subarray(first, last)
    const { mean, std } = meanAndStd(section)
    em.set(
      Array.from(section, v => render.mean + ((v - mean) / std) * render.std),
      plane * k,
    )
    marked.set(marks.data.subarray(first, last), plane * k)
  }
  return { em: new Uint8Array(em.buffer), marked, shape: [sx, sy, sz * THICK] }
}

/** Clefts by their middles, which is all that can be scored: nothing says which neurites they join. */
function onSections(v: Awaited<ReturnType<typeof sections>>, { cleft }: Maps, minCleft: number): SynapseScores {
  const middles = (of: Bytes, threshold: number, least: number, reach: number): ScoredSynapse[] =>
    [...findClefts(of, v.shape, whole(v), { threshold, least, reach })].map(({ middle: [x, y, z] }) => {
      return { x, y, z, pre: 0, post: 0 }
    })
  const [, distance] = against([], whole(v))
  const found = middles(cleft, minCleft, synapse.minVoxels, synapseHalo)
  return scoreSynapses(found, middles(v.marked, 1, 1, Infinity), distance)
}

const FOUND = { precision: 'synapsePrecision', recall: 'synapseRecall', F1: 'synapseF1' } as const
async function print<V extends Volume>(
  volumes: readonly V[],
  score: (v: V, maps: Maps, minCleft: number) => SynapseScores,
  columns: Readonly<Record<string, keyof SynapseScores>>,
): Promise<void> {
  const rows: string[][] = []
  for (const { name, thresholds, of } of makers) {
    const maps = await Promise.all(volumes.map(of))
    for (const minCleft of thresholds) {
      const scores = volumes.map((v, i) => score(v, maps[i]!, minCleft))
      const mean = (f: keyof SynapseScores): number => scores.reduce((sum, s) => sum + s[f], 0) / scores.length
      rows.push([`${name}, cleft from ${minCleft}`, ...Object.values(columns).map(f => mean(f).toFixed(3))])
    }
  }
  console.log(table(['maps', ...Object.keys(columns)], rows))
}

const phantoms = HELD_OUT.map(seed => ({ ...cleanPhantom(SIZE, seed), shape: SIZE }))
const count = phantoms.map(p => p.truth.synapses.length).join(' and ')
console.log(`phantoms of seeds ${HELD_OUT.join(' and ')}, ${count} synapses, mean of both`)
await print(phantoms, onPhantom, { ...FOUND, 'partners right': 'partnerAccuracy' })
const fly = join(dataRoot(), 'vnc-sstem')
if (existsSync(fly)) {
  console.log('vnc-sstem, clefts alone')
  await print([await sections(fly)], onSections, FOUND)
} else console.log(`vnc-sstem: skipped, there is no ${fly} (docs/data.md)`)
host.close()
