// plan: the walk of a run without its work: which artifacts exist, which would be made, and why.
import { configAt, type RunConfig } from '../../domain/config.ts'
import type { Outcome } from '../../domain/contract/artifacts.ts'
import type { Planned, ReconstructInput, Roots, RunContext } from '../../domain/contract/run.ts'
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import { activeStages, expected } from '../../domain/index/phases.ts'
import { inOrder, planId, reasons, secondsLike, type Plan, type PlanItem } from '../../domain/plan/plan.ts'
import { recipeId, sha256, type Digest, type Recipe } from '../../domain/recipe.ts'
import { Release } from '../../domain/release.ts'
import { stages, type StageName } from '../../domain/stages.ts'
import type { SectionTask, StageActivities } from '../../domain/contract/activities.ts'
import { runFanOut, runPhase, runPhases, type Steps } from '../../domain/index/order.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import { artifactBelow, entriesBelow, nodeReader } from '../../storage/index-nodes.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { getRelease, readChannel } from '../../storage/releases.ts'
import { putSealed } from '../../storage/sealed.ts'
import { PendingInput, type Deps, type Planning } from '../context.ts'
import { pairsOf } from '../sections/match.ts'
import { progress } from '../meter.ts'
import { batch, savedBelow, writeIndexNode } from './index-nodes.ts'
import { lookUpCache } from './cache-lookup.ts'
import { item } from '../produce.ts'
import { saveDocument } from '../documents.ts'

type Activities = { [S in StageName]: (deps: Deps, task: never) => ReturnType<StageActivities[S]> }

/** What a person should know about how the source is read: coordinates that are moved, grey values that are mapped. */
function notesOn({ offset }: RunContext, { stages: { ingest } }: RunConfig): { notes?: string[] } {
  const { window, invert } = ingest
  const notes = [
    ...(offset ? [`voxel 0, 0, 0 lies at ${offset.join(', ')} of the source (given back as voxel_offset)`] : []),
    ...(window ? [`grey values: ${window[0]} becomes black, ${window[1]} white`] : []),
    ...(invert ? ['grey values are inverted'] : []),
  ]
  return notes.length ? { notes } : {}
}

/** Writes the plan of a run to the bucket and returns what it comes to; makes nothing else. */
export const planner =
  (activities: Activities) =>
  async (deps: Deps, input: ReconstructInput, context: RunContext): Promise<Planned> => {
    const base = await baseOf(deps, context.dataset)
    const pending = new Map<Digest, string>()
    const items: PlanItem[] = []
    const objects = scratch(deps.objects)
    const artifacts = refusing(artifactStore(objects), pending)
    const dry: Deps = { ...deps, objects, artifacts, planning: planningFor(deps, input.config, base, pending, items) }
    const steps: Steps = {
      lookUpCache: async subtree => {
        try {
          return await lookUpCache(dry, subtree)
        } catch (e) {
          if (e instanceof PendingInput) return { found: null, below: [] }
          throw e
        }
      },
      saveIndexNode: async task => ({
        page: await writeIndexNode(dry, task.entries, await savedBelow(task, cell => steps.saveIndexNode(cell))),
      }),
      make: (stage, what, task) =>
        item(dry, stage, what === 'dataset' ? 'all' : what, () => activities[stage](dry, task as never) as never),
      makeBatch: async (stage, _, task) => {
        try {
          return await activities[stage](dry, task as never)
        } catch (e) {
          if (!(e instanceof PendingInput)) throw e
          const cells = stages[stage].scope === 'pair' ? pairsOf(task) : sectionsOf(task)
          return batch(dry, task.page, await Promise.all(cells.map(c => dry.planning!.follows(stage, c, e))))
        }
      },
      spent: async () => progress(items.length, items.length + 1),
      visit: subtree => runFanOut(subtree, steps),
    }
    const roots = await runPhases(context, subtree => runPhase(subtree, steps))
    for (const s of activeStages(context))
      if (stages[s].scope === 'release') await steps.make(s as never, 'dataset', { context, roots })
    const plan: Omit<Plan, 'id'> = {
      dataset: context.dataset,
      // As it was given: the marks of the bucket are taken in again when the plan is run.
      config: await saveDocument(deps, input.config),
      base: base.release,
      bounds: context.bounds,
      ...notesOn(context, input.config),
      region: context.region,
      expected: Object.fromEntries(expected(context)),
      items: inOrder(items),
      currency: input.config.price.currency,
    }
    const id = planId(plan)
    await putSealed(deps.objects, `plans/${context.dataset}/${id}.json`, { id, ...plan })
    const make = items.filter(i => i.certain).length
    return {
      id,
      make,
      may: items.length - make,
      idle: items.length > 0 ? null : await idle(deps, input, context.config),
    }
  }

/** Why nothing comes of a run that has nothing to make. */
async function idle({ objects }: Deps, { dataset, config }: ReconstructInput, file: Digest): Promise<string | null> {
  const ref = await readChannel(objects, dataset, config.release.channel)
  if (!ref) return null
  const { release, via, by, reason } = ref.value
  const text = await getRelease(objects, dataset, release)
  if (text && Release.parse(JSON.parse(text)).config === file) return `${release} is what the run file gives`
  // It would undo what somebody has decided.
  if (via?.startsWith('rollback/'))
    return `no release is published over ${release}, which ${by} went back to: ${reason}`
  return null
}

const sectionsOf = ({ first, last }: SectionTask): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => String(first + i))

interface Base {
  readonly release: string | null
  readonly roots: Roots
}

/** What a plan is compared with: the published release, or the candidate while none is published. */
async function baseOf(deps: Deps, dataset: string): Promise<Base> {
  for (const channel of ['published', 'candidate']) {
    const ref = await readChannel(deps.objects, dataset, channel)
    if (!ref) continue
    const { release } = ref.value
    const text = await getRelease(deps.objects, dataset, release)
    if (text) return { release, roots: Release.parse(JSON.parse(text)).pages }
  }
  return { release: null, roots: {} }
}

/** What an artifact will take by what one of its kind took, with as many mirror images as are asked for now. */
function measuredBy(like: Lineage, parameters: object): PlanItem['measured'] {
  const [before, now] = [like.recipe.parameters, parameters].map(p => secondsLike(like, p)) as [number, number]
  const cost = before > 0 ? like.cost * (now / before) : like.cost
  return { voxels: like.voxels, seconds: Math.round(now * 1000) / 1000, cost }
}

function planningFor(
  deps: Deps,
  config: RunConfig,
  base: Base,
  pending: Map<Digest, string>,
  items: PlanItem[],
): Planning {
  const firsts = new Map<StageName, Promise<ArtifactRef | undefined>>()
  const firstOf = async (root: Digest, stage: StageName): Promise<ArtifactRef | undefined> => {
    for await (const e of entriesBelow(nodeReader(deps.objects), [root], s => s === stage)) return e.ref
    return undefined
  }
  const before = async (stage: StageName, cell: string): Promise<{ own: Lineage | null; like: Lineage | null }> => {
    const root = base.roots[stages[stage].phase]
    if (root === undefined) return { own: null, like: null }
    const read = async (ref: ArtifactRef | undefined): Promise<Lineage | null> =>
      (ref && (await deps.artifacts.lineage(ref.stage, ref.recipe))) ?? null
    const own = await read(await artifactBelow(deps.objects, root, stage, cell))
    if (!own && !firsts.has(stage)) firsts.set(stage, firstOf(root, stage))
    return { own, like: own ?? (await read(await firsts.get(stage))) }
  }
  const note = (stage: StageName, cell: string, certain: boolean, why: string[], like: Lineage | null): Outcome => {
    const content = sha256(`pending ${stage} ${cell}`)
    pending.set(content, `${stage}/${cell}`)
    items.push({ stage, cell, certain, why, measured: like && measuredBy(like, configAt(config, cell).stages[stage]) })
    const ref = { stage, recipe: content, content }
    return { stage, key: cell, ref, made: true, voxels: 0, seconds: 0, cost: 0, retries: 0, holes: [] }
  }
  return {
    async wouldMake(stage, cell, recipe: Recipe, marks) {
      const { own, like } = await before(stage, cell)
      const certain = !Object.values(recipe.inputs).some(d => pending.has(d))
      const gone = own !== null && recipeId(recipe) === own.recipeId
      const why = gone ? ['the artifact is gone from the store'] : reasons(own?.recipe ?? null, recipe, pending, marks)
      return note(stage, cell, certain, why, like)
    },
    async follows(stage, cell, e) {
      return note(stage, cell, false, [`follows ${e.cell}`], (await before(stage, cell)).like)
    },
  }
}

/** Reads fall through; what is written stays in memory and goes with the plan. */
function scratch(objects: ObjectStore): ObjectStore {
  const written = new Map<string, Uint8Array<ArrayBuffer>>()
  return {
    ...objects,
    get: async (key, options) => written.get(key) ?? objects.get(key, options),
    async putIfAbsent(key, bytes) {
      if (written.has(key)) return 'exists'
      written.set(key, new Uint8Array(bytes))
      return 'created'
    },
  }
}

function refusing(artifacts: ArtifactStore, pending: ReadonlyMap<Digest, string>): ArtifactStore {
  const check = (ref: ArtifactRef): void => {
    const cell = pending.get(ref.content)
    if (cell !== undefined) throw new PendingInput(cell)
  }
  return {
    ...artifacts,
    async open(ref) {
      check(ref)
      return artifacts.open(ref)
    },
    async get(ref, path) {
      check(ref)
      return artifacts.get(ref, path)
    },
    async getRange(ref, path, offset, length) {
      check(ref)
      return artifacts.getRange(ref, path, offset, length)
    },
  }
}
