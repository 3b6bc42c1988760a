// A run in one process, without Temporal: a worker's own activities, taken in the order in which the workflows take them.
import { asyncLocalStorage, type Context } from '@temporalio/activity'
import { createActivities } from '../../activities/index.ts'
import { countRequest } from '../../activities/meter.ts'
import type { RunConfig } from '../../domain/config.ts'
import { entryOf, type BatchOutcome, type Outcome } from '../../domain/contract/artifacts.ts'
import type { ReconstructInput, RunContext } from '../../domain/contract/run.ts'
import { tried } from '../../domain/models.ts'
import { countOf } from '../../domain/slo/counts.ts'
import type { Plan } from '../../domain/plan/plan.ts'
import { AUTOMATIC } from '../../domain/operator.ts'
import { sha256 } from '../../domain/recipe.ts'
import { Release, type Quality } from '../../domain/release.ts'
import { runPhase, runFanOut, runPhases, wholePhase, type Steps } from '../../domain/index/order.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { openStore } from '../../storage/stores/open-store.ts'
import { getRelease } from '../../storage/releases.ts'
import { getSealed } from '../../storage/sealed.ts'
import { staticFiles } from '../../storage/static-layout.ts'
import { inferenceHost } from '../../worker/inference.ts'
import { runtime } from '../../worker/runtime.ts'

export interface DirectRun {
  readonly release: string
  readonly digest: string
  readonly holes: number
  readonly refusal: string | null
  readonly quality: Quality
  /** Every file of the release as it is served: its digest by path. */
  readonly files: Readonly<Record<string, string>>
  /** Artifacts by stage that were made, not found. */
  readonly made: Readonly<Record<string, number>>
  /** What the plan, made before, said would be made for certain and what might. */
  readonly planned: { readonly make: readonly string[]; readonly may: readonly string[] }
}

const counter = { add(): void {}, set(): void {}, record(): void {} }
const quiet = { trace(): void {}, debug(): void {}, info(): void {}, warn(): void {}, error(): void {}, log(): void {} }
/** As much of an attempt's context as activities look at. */
const context = {
  info: {
    attempt: 1,
    activityId: 'direct',
    heartbeatDetails: undefined,
    workflowExecution: { workflowId: 'direct', runId: 'direct' },
  },
  heartbeat(): void {},
  cancelled: new Promise<never>(() => {}),
  cancellationSignal: new AbortController().signal,
  log: quiet,
  metricMeter: { createCounter: () => counter, createGauge: () => counter, createHistogram: () => counter },
} as unknown as Context

/** The inference process of this process ends with it. */
const host = inferenceHost()
process.on('exit', () => host.close())

/** Activities at a time, as a worker has slots. */
const SLOTS = 4

/** `work`, once fewer than `SLOTS` others are under way. */
function slots(): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let busy = 0
  return async work => {
    if (busy === SLOTS) await new Promise<void>(go => waiting.push(go))
    else busy++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else busy--
    }
  }
}

type Made = (stage: string, made: Outcome | BatchOutcome) => void

/** A worker's own activities on a bucket, and the steps of a run that call them; `heard` is told of everything made or found. */
export function directWorker(bucket: string, heard: Made) {
  const objects = openStore(bucket, { tell: countRequest })
  const activities = createActivities({
    objects,
    artifacts: artifactStore(objects),
    compute: async (kernel, args) => kernel(...args) as never,
    infer: host.infer,
    codeRevision: 'direct',
    runtime: runtime(),
  })
  const inSlot = slots()
  const steps: Steps = {
    lookUpCache: subtree => inSlot(() => activities.lookUpCache(subtree)),
    saveIndexNode: task => inSlot(() => activities.saveIndexNode(task)),
    async make(stage, _, task) {
      const outcome = await inSlot(() => activities[stage](task as never))
      heard(stage, outcome)
      return outcome
    },
    async makeBatch(stage, _, task) {
      const done = await inSlot(() => activities[stage](task))
      heard(stage, done)
      return done
    },
    spent: async () => {},
    visit: subtree => runFanOut(subtree, steps),
  }
  return { objects, activities, steps }
}

/** Calls `work` as an attempt of an activity. */
export const asActivity = <T>(work: () => Promise<T>): Promise<T> => asyncLocalStorage.run(context, work)

export function directRun(config: RunConfig, bucket: string, run: string): Promise<DirectRun> {
  const made: Record<string, number> = {}
  const { objects, activities, steps } = directWorker(bucket, (stage, done) => {
    for (const c of 'counts' in done ? done.counts : [countOf(done)])
      if (c.made) made[c.stage] = (made[c.stage] ?? 0) + c.made
  })
  const work = async (): Promise<DirectRun> => {
    const input: ReconstructInput = { dataset: config.dataset, run, config }
    const at = await tried(await activities.survey(input), model => activities.tryModel(model))
    const { id } = await activities.plan(input, at)
    const plan = (await getSealed(objects, `plans/${config.dataset}/${id}.json`)) as unknown as Plan
    const roots = await evaluated(at, await runPhases(at, subtree => runPhase(subtree, steps)), steps)
    const made_ = await activities.assemble({ context: at, roots, cost: 0, approver: AUTOMATIC, runId: 'direct' })
    const text = await getRelease(objects, config.dataset, made_.release)
    const release = Release.parse(JSON.parse(text!))
    const files: Record<string, string> = {}
    for await (const file of staticFiles(release, artifactStore(objects)))
      files[file.path] = 'json' in file ? sha256(JSON.stringify(file.json)) : file.sha256
    const named = (certain: boolean): string[] =>
      plan.items.filter(i => i.certain === certain).map(i => `${i.stage} ${i.cell}`)
    return {
      release: release.release,
      digest: release.digest,
      holes: release.holes.length,
      refusal: made_.refusal,
      quality: made_.quality,
      files,
      made,
      planned: { make: named(true), may: named(false) },
    }
  }
  return asActivity(work)
}

/** The root of the release's own index beside those of the phases. */
export async function evaluated(
  at: RunContext,
  roots: Record<string, string>,
  steps: Steps,
): Promise<Record<string, string>> {
  if (at.through !== 'evaluate') return roots
  const outcome = await steps.make('evaluate', 'release', { context: at, roots })
  const subtree = wholePhase(at, 'release', roots)
  return { ...roots, release: (await steps.saveIndexNode({ subtree, entries: [entryOf(outcome)], below: [] })).page }
}
