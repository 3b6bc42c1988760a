// Making one artifact: recipe, look-up, work, verified commit (docs/concepts.md, invariants 2 to 4).
import { Context } from '@temporalio/activity'
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { RunConfig } from '../domain/config.ts'
import type { Outcome } from '../domain/contract/artifacts.ts'
import { digestOf, recordDigest, type ArtifactRef, type Lineage, type Output, type Source } from '../domain/lineage.ts'
import { voxels, type Box } from '../domain/geometry.ts'
import { contentDigest, type Digest, type Recipe } from '../domain/recipe.ts'
import type { Hole } from '../domain/release.ts'
import { stages, type StageName } from '../domain/stages.ts'
import type { VolumeOf } from '../domain/stages/row.ts'
import { newVolume } from '../storage/formats/chunk.ts'
import { rangeName } from '../domain/index/grid.ts'
import type { CellTask, RangeTask } from '../domain/contract/activities.ts'
import { retriesOf } from './attempts.ts'
import { putVolume, regionBox } from './cells.ts'
import { PendingInput, type Deps } from './context.ts'
import { refuseAgain, standing } from './generation.ts'
import { Meter, metered } from './meter.ts'
import { tellArtifact } from './metrics.ts'

export interface Order {
  readonly stage: StageName
  /** Which one it is, for people. */
  readonly key: string
  readonly parameters: Readonly<Record<string, Json>>
  readonly model?: Digest
  readonly inputs: Readonly<Record<string, Source>>
  readonly extent: Recipe['extent']
  readonly seed?: number
  /** In place of a region that has failed for good. */
  readonly hole?: Hole
}

/** The hole of a region that has failed for good. */
const holeOf = (stage: StageName, { cell, failed }: CellTask): Pick<Order, 'hole'> =>
  failed === undefined ? {} : { hole: { stage, what: `region ${cell}`, reason: failed } }

type Of = [parameters: Order['parameters'], inputs: Order['inputs']]

/** The order of what a stage makes of a region. */
export const ofRegion = (stage: StageName, task: CellTask, ...[parameters, inputs]: Of): Order => ({
  stage,
  key: task.cell,
  parameters,
  inputs,
  extent: regionBox(task),
  ...holeOf(stage, task),
})

/** One file of an artifact, where a stage reads no more of it: what else changes in that leaves the stage alone. */
export async function partOf(deps: Deps, of: ArtifactRef, path: string): Promise<Source> {
  const { outputs } = await deps.artifacts.open(of)
  return { of, path, sha256: outputs.find(o => o.path === path)!.sha256 }
}

/** Of a node of the region tree. */
export const ofNode = (stage: StageName, task: CellTask, ...[parameters, inputs]: Of): Order => ({
  stage,
  key: `${task.level}/${task.cell}`,
  parameters,
  inputs,
  extent: { node: task.cell, level: task.level },
  ...holeOf(stage, task),
})

/** Of a range of segments; the only one is the dataset. */
export const ofRange = (stage: StageName, { range, of }: RangeTask, ...[parameters, inputs]: Of): Order => ({
  stage,
  key: rangeName(range, of),
  parameters,
  inputs,
  extent: of === 1 ? 'dataset' : { range, of },
})

/** Of the dataset as a whole. */
export const ofDataset = (stage: StageName, ...[parameters, inputs]: Of): Order => ({
  stage,
  key: 'all',
  parameters,
  inputs,
  extent: 'dataset',
})

/** What the work has to say about an artifact beyond its outputs. */
export interface Made {
  readonly voxels: number
  readonly summary?: Readonly<Record<string, Json>>
  readonly holes?: readonly Hole[]
}

export type Put = (path: string, bytes: Uint8Array) => Promise<void>

/** What is known of outputs while an artifact is made. */
export interface Outputs {
  /** Digest of what was put at `paths`, once all of it is in the store. */
  written(paths: readonly string[]): Promise<Digest>
  /** Whether an earlier attempt has put these, with that digest: then they are not put again. */
  takeOver(paths: readonly string[], digest: Digest): Promise<boolean>
}

/** Canonical JSON as the bytes of an output. */
export const json = (value: unknown): Uint8Array => Buffer.from(canonicalJson(value as Json))

/** A volume of nought. */
async function putEmpty(put: Put, box: Box, volume: VolumeOf): Promise<Made> {
  await putVolume(put, newVolume(volume.dtype, (volume.channels ?? 1) * voxels(box)), box, volume)
  return { voxels: voxels(box) }
}

/** Objects that an artifact writes at a time. */
const WRITES = 4

/**
 * The artifact of a recipe: the one in the store, or made now by `work` and committed with its lineage.
 * In place of a region that has failed for good its volume is empty; `work` finds what it reads of volumes to be empty.
 */
export async function produce(
  deps: Deps,
  config: RunConfig,
  order: Order,
  work: (put: Put, outputs: Outputs) => Promise<Made>,
): Promise<Outcome> {
  const first: Recipe = {
    stage: order.stage,
    version: stages[order.stage].version,
    parameters: order.parameters as Recipe['parameters'],
    model: order.model ?? null,
    inputs: Object.fromEntries(Object.entries(order.inputs).map(([name, s]) => [name, digestOf(s)])),
    extent: order.extent,
    seed: order.seed ?? 0,
  }
  const { recipe, found, marks } = await standing(deps, first)
  if (found) {
    refuseAgain(found, marks)
    if (!deps.planning) tellArtifact(order.stage, found, false, config)
    return outcome(order, found, found.lineage, false)
  }
  if (deps.planning) return deps.planning.wouldMake(order.stage, order.key, recipe, marks)

  const start = new Date()
  const meter = new Meter()
  const writer = deps.artifacts.write(recipe, order.inputs)
  const { info } = Context.current()
  return metered(meter, async () => {
    const pending = new Set<Promise<void>>()
    const outputs = new Map<string, Promise<Output>>()
    let failed: unknown
    const put: Put = async (path, bytes) => {
      while (pending.size >= WRITES) await Promise.race(pending)
      if (failed) throw failed
      const write = writer.put(path, bytes)
      outputs.set(path, write)
      const ended: Promise<void> = write
        .catch((e: unknown) => void (failed ??= e))
        .then(() => void pending.delete(ended))
      pending.add(ended)
    }
    const digestAt = async (paths: Iterable<string>): Promise<Digest> =>
      contentDigest(await Promise.all(Array.from(paths, p => outputs.get(p)!)))
    const { volume } = stages[order.stage]
    const made =
      order.hole && volume
        ? await putEmpty(put, order.extent as Box, volume)
        : await work(put, {
            written: digestAt,
            async takeOver(paths, digest) {
              const found = await writer.takeOver(paths, digest)
              for (const o of found ?? []) outputs.set(o.path, Promise.resolve(o))
              return found !== undefined
            },
          })
    await Promise.all(pending)
    if (failed) throw failed
    refuseAgain({ stage: recipe.stage, recipe: writer.recipeId, content: await digestAt(outputs.keys()) }, marks)
    const { kernel, inference } = meter.seconds
    const committed = await writer.commit({
      codeRevision: deps.codeRevision,
      runtime: order.model ? deps.runtime : { ...deps.runtime, onnxruntime: null, provider: null },
      workflowId: info.workflowExecution?.workflowId ?? 'none',
      runId: info.workflowExecution?.runId ?? 'none',
      attempt: info.attempt,
      start: start.toISOString(),
      end: new Date().toISOString(),
      voxels: made.voxels,
      cost: ((kernel + inference) / 3600) * config.price.perCpuHour,
      seconds: meter.seconds,
      summary: {
        ...made.summary,
        holes: (order.hole ? [order.hole] : (made.holes ?? [])) as unknown as Json,
      } as Lineage['summary'],
    })
    // Another run may have been faster with the same bytes: then it made them.
    const mine = committed.lineage.runId === (info.workflowExecution?.runId ?? 'none')
    tellArtifact(order.stage, committed, mine, config)
    return outcome(order, committed, committed.lineage, mine)
  })
}

/** One of several artifacts of an activity: a plan goes on with the others where this one cannot be told yet. */
export async function item(deps: Deps, stage: StageName, key: string, work: () => Promise<Outcome>): Promise<Outcome> {
  if (!deps.planning) return work()
  try {
    return await work()
  } catch (e) {
    if (e instanceof PendingInput) return deps.planning.follows(stage, key, e)
    throw e
  }
}

const outcome = (order: Order, ref: ArtifactRef, lineage: Lineage, made: boolean): Outcome => ({
  stage: order.stage,
  key: order.key,
  ref: { stage: ref.stage, recipe: ref.recipe, content: ref.content },
  made,
  voxels: made ? lineage.voxels : 0,
  seconds: made ? (Date.parse(lineage.end) - Date.parse(lineage.start)) / 1000 : 0,
  cost: made ? lineage.cost : 0,
  retries: retriesOf(Context.current().info),
  holes: (lineage.summary['holes'] ?? []) as unknown as Hole[],
  record: recordDigest(lineage),
})

/** Refs by `stage/cell`: the names of inputs in a recipe. */
export const contents = (stage: string, refs: Readonly<Record<string, ArtifactRef>>): Record<string, ArtifactRef> =>
  Object.fromEntries(Object.entries(refs).map(([cell, ref]) => [`${stage}/${cell}`, ref]))
