// evaluate: a segmentation and its synapses against ground truth; nothing but this stage ever reads truth.
import { zstdDecompressSync } from 'node:zlib'
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { RunConfig } from '../domain/config.ts'
import type { Evaluated, EvaluateInput, Outcome, Refs } from '../domain/contract.ts'
import { HillockError } from '../domain/errors.ts'
import { fromKey, cellBox, intersect, isEmpty, shapeOf, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import { sha256, type Digest } from '../domain/recipe.ts'
import type { Quality } from '../domain/release.ts'
import type { DatasetTask } from '../domain/tasks.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { readNpy } from '../storage/formats/npy.ts'
import { copyOverlap } from '../storage/formats/volume.ts'
import { putRaw } from '../storage/raw.ts'
import { readChannel } from '../storage/releases.ts'
import { putSealed } from '../storage/sealed.ts'
import { readVolume, segmentationVolume } from './cells.ts'
import type { Deps } from './context.ts'
import { refsBelow } from './pages.ts'
import { progress } from './meter.ts'
import { contents, json, ofDataset, produce } from './produce.ts'
import { releaseOf } from './release.ts'
import { configOf } from './documents.ts'
import { namedFile } from './sources/named-file.ts'
import { scoreSynapseTables, type TrueSynapse } from './synapse-truth.ts'

interface Truth {
  readonly digest: Digest
  /** What has that digest: the file, or the list of a phantom's slabs. */
  readonly source: Uint8Array
  /** Labels of a box, x fastest; 0 is ignored. */
  readonly labels: (box: Box) => Uint32Array
  readonly bounds: Box
  readonly synapses: readonly TrueSynapse[] | null
}

/** The boxes of a volume. */
const within = (data: Uint32Array<ArrayBuffer>, bounds: Box) => (box: Box) => {
  const out = new Uint32Array(voxels(box))
  copyOverlap(data, bounds, out, box, 1)
  return out
}

async function truthFile(file: string): Promise<Truth> {
  const bytes = await namedFile('evaluate.truth', file)
  const npy = readNpy(bytes, file)
  if (npy.shape.length !== 3)
    throw new HillockError('ConfigError', `truth ${file} has ${npy.shape.length} axes; labels have axes z, y, x`)
  const [sz, sy, sx] = npy.shape as [number, number, number]
  const whole: Box = { min: [0, 0, 0], max: [sx, sy, sz] }
  const data = Uint32Array.from(npy.data as ArrayLike<number>, Number)
  return {
    digest: sha256(bytes),
    source: bytes,
    bounds: whole,
    synapses: null,
    labels: within(data, whole),
  }
}

async function truthOfPhantom(deps: Deps, slabs: Refs, bounds: Box): Promise<Truth> {
  const data = new Uint32Array(voxels(bounds))
  const [sx, sy] = shapeOf(bounds)
  let synapses: readonly TrueSynapse[] = []
  for (const [first, ref] of Object.entries(slabs)) {
    const bytes = zstdDecompressSync(await deps.artifacts.get(ref, 'labels.u32.zst'))
    data.set(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), Number(first) * sx * sy)
    const truth = JSON.parse(Buffer.from(await deps.artifacts.get(ref, 'truth.json')).toString()) as {
      synapses: readonly TrueSynapse[]
    }
    synapses = truth.synapses
  }
  const digests = Object.entries(slabs).map(([first, { content }]): [string, Digest] => [`phantom/${first}`, content])
  const source = Buffer.from(canonicalJson(Object.fromEntries(digests)))
  return {
    digest: sha256(source),
    source,
    bounds,
    synapses,
    labels: within(data, bounds),
  }
}

interface Where {
  readonly bounds: Box
  readonly region: Vec3
}

async function scoreSegmentation(
  deps: Deps,
  at: Where,
  segments: Refs,
  truth: Truth,
  box: Box | undefined,
): Promise<Quality> {
  const wanted = box ? intersect(box, at.bounds) : at.bounds
  if (truth.bounds.max.some((v, a) => v < wanted.max[a]!))
    throw new HillockError(
      'ConfigError',
      `the truth covers ${truth.bounds.max.join(' x ')} voxels, but ${wanted.max.join(' x ')} are to be scored: name a smaller evaluate.box`,
    )
  const tables = []
  const cells = Object.keys(segments)
  for (const [i, cell] of cells.entries()) {
    const part = intersect(cellBox(fromKey(cell), at.region, at.bounds), wanted)
    if (isEmpty(part)) continue
    const seg = await readVolume(deps, { context: at } as never, segments, segmentationVolume, part)
    tables.push(await deps.compute('contingency', [seg, truth.labels(part)]))
    progress(i + 1, cells.length)
  }
  const { voxels: _, ...quality } = await deps.compute('scores', [await deps.compute('mergeContingency', [tables])])
  return quality
}

async function truthOf(deps: Deps, { evaluate: { truth } }: RunConfig, task: DatasetTask): Promise<Truth | null> {
  if (truth === undefined) return null
  if (truth !== 'phantom') return truthFile(truth)
  return truthOfPhantom(deps, await refsBelow(deps, [task.roots['sections']!], 'phantom'), task.context.bounds)
}

export async function evaluate(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const { bounds, region } = task.context
  const truth = await truthOf(deps, config, task)
  const segments = await refsBelow(deps, [task.roots['objects']!], 'segment')
  const graph = await refsBelow(deps, [task.roots['dataset']!], 'graph')
  const order = ofDataset('evaluate', config.evaluate.box ? { box: config.evaluate.box as unknown as Json } : {}, {
    ...contents('segment', segments),
    ...contents('graph', graph),
    ...(truth ? { truth: truth.digest } : {}),
  })
  return produce(deps, config, order, async put => {
    if (truth) await putRaw(deps.objects, truth.source)
    const quality: Quality = truth
      ? await scoreSegmentation(deps, { bounds, region }, segments, truth, config.evaluate.box)
      : {}
    const synapses = truth?.synapses
      ? await scoreSynapseTables(deps, graph['all']!, truth.synapses, truth.labels, bounds)
      : {}
    const all = { ...quality, ...synapses }
    await put('scores.json', json(all))
    return { voxels: truth ? voxels(config.evaluate.box ?? bounds) : 0, summary: { quality: all as Json } }
  })
}

/** Scores a release that exists against a truth that its run did not name, and keeps the scores; makes no artifact. */
export async function evaluateRelease(deps: Deps, input: EvaluateInput): Promise<Evaluated> {
  const { dataset } = input
  const name = input.release ?? (await publishedOf(deps, dataset))
  const r = await releaseOf(deps, dataset, name)
  if (!r.layers.segmentation) throw new HillockError('ConfigError', `release ${r.release} has no segmentation to score`)
  const truth =
    input.truth === 'phantom'
      ? await truthOfPhantom(deps, await refsBelow(deps, [r.pages['sections']!], 'phantom'), r.bounds)
      : await truthFile(input.truth)
  const reader = { ...deps, artifacts: artifactStore(deps.objects, { quarantined: true }) }
  const at = { bounds: r.bounds, region: r.regionShape }
  const segments = r.layers.segmentation.regions
  const boxes: { box: Box; quality: Quality }[] = []
  for (const box of input.boxes?.length ? input.boxes : [r.bounds])
    boxes.push({ box, quality: await scoreSegmentation(reader, at, segments, truth, box) })
  const mean = (f: keyof Quality): number => boxes.reduce((n, b) => n + (b.quality[f] ?? 0), 0) / boxes.length
  const quality: Quality =
    boxes.length === 1
      ? boxes[0]!.quality
      : { voiSplit: mean('voiSplit'), voiMerge: mean('voiMerge'), voiSum: mean('voiSum'), arand: mean('arand') }
  const made = { release: name, quality, boxes }
  const key = `evaluations/${dataset}/${name}/${input.name}.json`
  await putSealed(deps.objects, key, { truth: input.truth, digest: truth.digest, ...made })
  return made
}

async function publishedOf(deps: Deps, dataset: string): Promise<string> {
  const ref = await readChannel(deps.objects, dataset, 'published')
  if (!ref) throw new HillockError('ConfigError', `nothing of ${dataset} is published, so there is nothing to evaluate`)
  return (JSON.parse(ref.value) as { release: string }).release
}
