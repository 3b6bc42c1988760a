// evaluate: a segmentation and its synapses against ground truth, and where it is lost; nothing but this stage ever reads truth.
import type { Json } from '../../domain/canonical.ts'
import type { RunConfig } from '../../domain/config.ts'
import type { Evaluated, EvaluateInput } from '../../domain/contract/release.ts'
import type { Outcome, Refs } from '../../domain/contract/artifacts.ts'
import { configError } from '../../domain/errors.ts'
import { cellsIn, voxels, type Box } from '../../domain/geometry.ts'
import type { Quality } from '../../domain/release.ts'
import type { StageName } from '../../domain/stages.ts'
import type { DatasetTask } from '../../domain/contract/activities.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { putRaw } from '../../storage/raw.ts'
import { artifactOf } from '../../storage/release-index.ts'
import { readChannel } from '../../storage/releases.ts'
import { putSealed } from '../../storage/sealed.ts'
import type { Deps } from '../context.ts'
import { madeAt, madeBy } from '../gather.ts'
import { contents, json, ofDataset, produce } from '../produce.ts'
import { releaseOf } from '../release/release.ts'
import { configOf } from '../documents.ts'
import { scoredBox, truthFile, truthOfPhantom, type Truth } from './truth.ts'
import { scoreSegmentation, type Scored } from './segmentation-score.ts'
import { scoreSynapseTables } from './synapse-truth.ts'

/** Figures of which the mean over several boxes says something. */
const MEANS = [
  'voiSplit',
  'voiMerge',
  'voiSum',
  'arand',
  'voiSumInner',
  'arandInner',
  'voiSumFragments',
  'erlUm',
  'nerl',
] as const

async function truthOf(deps: Deps, { evaluate }: RunConfig, task: DatasetTask): Promise<Truth | null> {
  if (evaluate.truth === undefined) return null
  if (evaluate.truth !== 'phantom') return truthFile(evaluate.truth, evaluate.offset, deps.objects, evaluate.ignore)
  return truthOfPhantom(deps, await madeBy(deps, task, 'phantom'), task.context.bounds)
}

export async function evaluate(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const { bounds, region, voxelSizeNm } = task.context
  const truth = await truthOf(deps, config, task)
  const scored = truth && scoredBox(truth, bounds, config.evaluate)
  const regions = scored ? cellsIn(scored, region).map(coord => ({ level: 0, coord })) : []
  const segments = await madeAt(deps, task, 'segment', regions)
  const fragments = await madeAt(deps, task, 'supervoxel', regions)
  const graph = await madeBy(deps, task, 'graph')
  const { box, offset, ignore } = config.evaluate
  const where = { ...(box && { box: box as unknown as Json }), ...(offset && { offset }), ...(ignore && { ignore }) }
  const order = ofDataset(
    'evaluate',
    { ...where, voxelSizeNm },
    {
      ...contents('segment', segments),
      ...contents('supervoxel', fragments),
      ...contents('graph', graph),
      ...(truth ? { truth: truth.digest } : {}),
    },
  )
  return produce(deps, config, order, async put => {
    if (truth) await putRaw(deps.objects, truth.source)
    const at = { bounds, region, voxelSizeNm }
    const of = (refs: Refs) => async (cell: string) => refs[cell]
    const found = scored && (await scoreSegmentation(deps, at, of(segments), of(fragments), truth, scored))
    const synapses = truth?.synapses ? await scoreSynapseTables(deps, graph, truth.synapses, truth.labels, bounds) : {}
    const quality = { ...found?.quality, ...synapses }
    await put('scores.json', json({ ...found, quality }))
    return { voxels: scored ? voxels(scored) : 0, summary: { quality: quality as Json } }
  })
}

/** Scores a release that exists against a truth that its run did not name, and keeps the scores; makes no artifact. */
export async function evaluateRelease(deps: Deps, input: EvaluateInput): Promise<Evaluated> {
  const { dataset } = input
  const name = input.release ?? (await publishedOf(deps, dataset))
  const r = await releaseOf(deps, dataset, name)
  if (!r.layers.segmentation) throw configError(`release ${r.release} has no segmentation to score`)
  const truth =
    input.truth === 'phantom'
      ? await truthOfPhantom(deps, await madeBy(deps, { roots: r.pages }, 'phantom'), r.bounds)
      : await truthFile(input.truth, input.offset, deps.objects, input.ignore)
  const reader = { ...deps, artifacts: artifactStore(deps.objects, { quarantined: true }) }
  const at = { bounds: r.bounds, region: r.regionShape, voxelSizeNm: r.voxelSizeNm }
  const of = (stage: StageName) => (cell: string) => artifactOf(deps.objects, r, stage, cell)
  const boxes: ({ box: Box } & Scored)[] = []
  for (const wanted of input.boxes?.length ? input.boxes : [undefined]) {
    const box = scoredBox(truth, r.bounds, { box: wanted, offset: input.offset })
    boxes.push({ box, ...(await scoreSegmentation(reader, at, of('segment'), of('supervoxel'), truth, box)) })
  }
  const mean = (f: (typeof MEANS)[number]) => [f, boxes.reduce((n, b) => n + b.quality[f]!, 0) / boxes.length]
  const shared = MEANS.filter(f => boxes.every(b => b.quality[f] !== undefined))
  const quality: Quality = boxes.length === 1 ? boxes[0]!.quality : Object.fromEntries(shared.map(mean))
  const made = { release: name, quality, boxes }
  const key = `evaluations/${dataset}/${name}/${input.name}.json`
  await putSealed(deps.objects, key, { truth: input.truth, digest: truth.digest, ...made })
  return made
}

async function publishedOf(deps: Deps, dataset: string): Promise<string> {
  const ref = await readChannel(deps.objects, dataset, 'published')
  if (!ref) throw configError(`nothing of ${dataset} is published, so there is nothing to evaluate`)
  return ref.value.release
}
