// evaluate: a segmentation and its synapses against ground truth; nothing but this stage ever reads truth.
import type { Json } from '../../domain/canonical.ts'
import type { RunConfig } from '../../domain/config.ts'
import type { Evaluated, EvaluateInput } from '../../domain/contract/release.ts'
import type { Outcome } from '../../domain/contract/artifacts.ts'
import { HillockError } from '../../domain/errors.ts'
import {
  cellBox,
  cellsIn,
  fromKey,
  intersect,
  isEmpty,
  product,
  voxels,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { Quality } from '../../domain/release.ts'
import type { DatasetTask } from '../../domain/contract/activities.ts'
import type { Contingency } from '../../kernels/segmentation/segmentation-types.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { putRaw } from '../../storage/raw.ts'
import { cellsOf } from '../../storage/release-index.ts'
import { readChannel } from '../../storage/releases.ts'
import { putSealed } from '../../storage/sealed.ts'
import { readVolume, segmentationVolume } from '../cells.ts'
import { moved, type Deps } from '../context.ts'
import { madeAt, madeBy } from '../gather.ts'
import { progress } from '../meter.ts'
import { contents, json, ofDataset, produce } from '../produce.ts'
import { releaseOf } from '../release/release.ts'
import { configOf } from '../documents.ts'
import { Fold } from '../fold.ts'
import { scoredBox, truthFile, truthOfPhantom, type Truth } from './truth.ts'
import { scoreSynapseTables } from './synapse-truth.ts'
import { contingency, mergeContingency, scores } from '../../kernels/metrics.ts'

interface Where {
  readonly bounds: Box
  readonly region: Vec3
}

async function scoreSegmentation(
  deps: Deps,
  at: Where,
  segments: AsyncIterable<readonly [string, ArtifactRef]> | Iterable<readonly [string, ArtifactRef]>,
  truth: Truth,
  wanted: Box,
): Promise<Quality> {
  const tables = new Fold((parts: readonly Contingency[]) => deps.compute(mergeContingency, [parts]))
  const cells = voxels(at.bounds) / product(at.region)
  let done = 0
  for await (const [cell, ref] of segments) {
    const part = intersect(cellBox(fromKey(cell), at.region, at.bounds), wanted)
    progress(++done, Math.max(done, cells))
    if (isEmpty(part)) continue
    const seg = await readVolume(deps, { context: at } as never, { [cell]: ref }, segmentationVolume, part)
    await tables.add(await deps.compute(contingency, [moved(seg), truth.labels(part)]))
  }
  const { voxels: _, ...quality } = await deps.compute(scores, [await tables.sum()])
  return quality
}

async function truthOf(deps: Deps, { evaluate }: RunConfig, task: DatasetTask): Promise<Truth | null> {
  if (evaluate.truth === undefined) return null
  if (evaluate.truth !== 'phantom') return truthFile(evaluate.truth, evaluate.offset)
  return truthOfPhantom(deps, await madeBy(deps, task, 'phantom'), task.context.bounds)
}

export async function evaluate(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const { bounds, region } = task.context
  const truth = await truthOf(deps, config, task)
  const scored = truth && scoredBox(truth, bounds, config.evaluate)
  const regions = scored ? cellsIn(scored, region).map(coord => ({ level: 0, coord })) : []
  const segments = await madeAt(deps, task, 'segment', regions)
  const graph = await madeBy(deps, task, 'graph')
  const { box, offset } = config.evaluate
  const where = { ...(box && { box: box as unknown as Json }), ...(offset && { offset }) }
  const order = ofDataset('evaluate', where, {
    ...contents('segment', segments),
    ...contents('graph', graph),
    ...(truth ? { truth: truth.digest } : {}),
  })
  return produce(deps, config, order, async put => {
    if (truth) await putRaw(deps.objects, truth.source)
    const quality: Quality = scored
      ? await scoreSegmentation(deps, { bounds, region }, Object.entries(segments), truth, scored)
      : {}
    const synapses = truth?.synapses ? await scoreSynapseTables(deps, graph, truth.synapses, truth.labels, bounds) : {}
    const all = { ...quality, ...synapses }
    await put('scores.json', json(all))
    return { voxels: scored ? voxels(scored) : 0, summary: { quality: all as Json } }
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
      ? await truthOfPhantom(deps, await madeBy(deps, { roots: r.pages }, 'phantom'), r.bounds)
      : await truthFile(input.truth, input.offset)
  const reader = { ...deps, artifacts: artifactStore(deps.objects, { quarantined: true }) }
  const at = { bounds: r.bounds, region: r.regionShape }
  const boxes: { box: Box; quality: Quality }[] = []
  for (const wanted of input.boxes?.length ? input.boxes : [undefined]) {
    const box = scoredBox(truth, r.bounds, { box: wanted, offset: input.offset })
    boxes.push({ box, quality: await scoreSegmentation(reader, at, cellsOf(deps.objects, r, 'segment'), truth, box) })
  }
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
  return ref.value.release
}
