// Every activity of Hillock, ready for a worker: stages by name and housekeeping, with heartbeats and typed failures.
import { stages, type StageName } from '../domain/stages.ts'
import type { Outcome, RunContext } from '../domain/contract.ts'
import type { CellTask, Housekeeping, StageActivities } from '../domain/index/tasks.ts'
import { agglomerate } from './segmentation/agglomerate.ts'
import { align } from './sections/align.ts'
import { archive } from './housekeeping/archive.ts'
import { affinity, supervoxel, synapseMap } from './blockwise.ts'
import { publish, recordDecision, rollBack, takeBack } from './release/channels.ts'
import type { Deps } from './context.ts'
import { diffReleases } from './quality/diff.ts'
import { evaluate, evaluateRelease } from './quality/evaluate.ts'
import { gather } from './gather.ts'
import { collect, planCollection } from './housekeeping/gc.ts'
import { graph } from './objects/graph.ts'
import { guarded } from './guard.ts'
import { hold, holdsOn, refuseHeld, releaseHold } from './release/holds.ts'
import { ingest } from './sections/ingest.ts'
import { meshJoin, skeletonJoin } from './objects/join.ts'
import { match } from './sections/match.ts'
import { tryModel } from './model.ts'
import { meteredCompute, meteredInfer, meteredStore } from './meter.ts'
import { phantom } from './phantom.ts'
import { labelPyramid, pyramid } from './volumes/pyramid.ts'
import { rag } from './segmentation/rag.ts'
import { liftingOwn } from './housekeeping/own-marks.ts'
import { mesh, skeleton } from './objects/pieces.ts'
import { planner } from './housekeeping/plan.ts'
import { probe, savePage } from './housekeeping/probe.ts'
import { poisoned, residuals } from './quality/quality.ts'
import { assemble } from './release/release.ts'
import { reexecute } from './housekeeping/reexecute.ts'
import { render } from './volumes/render.ts'
import { mergeTable, resolve, segment } from './segmentation/resolve.ts'
import { stitch } from './sections/stitch.ts'
import { survey } from './housekeeping/survey.ts'
import { synapse } from './objects/synapse.ts'
import { diagnose, liftQuarantine, quarantine } from './housekeeping/taint.ts'
import { artifactStore } from '../storage/artifacts.ts'

type Bare = { [S in keyof StageActivities]: (deps: Deps, task: never) => ReturnType<StageActivities[S]> }

const stageActivities = {
  phantom,
  ingest,
  stitch,
  match,
  align,
  render,
  affinity,
  'synapse-map': synapseMap,
  supervoxel,
  rag,
  agglomerate,
  resolve,
  'merge-table': mergeTable,
  segment,
  synapse,
  mesh,
  skeleton,
  'mesh-join': meshJoin,
  'skeleton-join': skeletonJoin,
  graph,
  pyramid,
  'label-pyramid': labelPyramid,
  evaluate,
} satisfies Bare

const housekeeping = {
  survey: async (deps, input, forPlan) => {
    if (!forPlan) await refuseHeld(deps, input)
    return survey(deps, input)
  },
  tryModel,
  probe,
  savePage,
  residuals,
  poisoned,
  assemble,
  publish,
  rollBack,
  takeBack,
  recordDecision,
  hold,
  releaseHold,
  holdsOn,
  diagnose,
  quarantine,
  liftQuarantine,
  evaluateRelease,
  diffReleases,
  archive,
  planCollection,
  collect,
} satisfies {
  [H in Exclude<keyof Housekeeping, 'plan' | 'reexecute'>]: (
    deps: Deps,
    ...args: Parameters<Housekeeping[H]>
  ) => ReturnType<Housekeeping[H]>
}

/** What makes an artifact of a region or a node. */
export type StageActivity = (deps: Deps, task: CellTask) => Promise<Outcome>

/** Stores and pools of `plain` are wrapped so that every activity's time is booked by kind. @param own stages of another package */
export function createActivities(
  plain: Deps,
  own: Readonly<Record<string, StageActivity>> = {},
): StageActivities & Housekeeping {
  const objects = meteredStore(plain.objects)
  const deps: Deps = {
    ...plain,
    objects,
    artifacts: artifactStore(objects),
    compute: meteredCompute(plain.compute),
    infer: meteredInfer(plain.infer),
  }
  const looked = Object.fromEntries(
    Object.entries({ ...stageActivities, ...own }).map(([name, activity]) => [
      name,
      ['region', 'node'].includes(stages[name as StageName].scope)
        ? async (d: Deps, task: CellTask) =>
            activity(liftingOwn(d, task.context), (await gather(d, name as StageName, task)) as never)
        : async (d: Deps, task: { context: RunContext }) => activity(liftingOwn(d, task.context), task as never),
    ]),
  )
  const around = { plan: planner(looked as never), reexecute: reexecute(looked as never) }
  return guarded({ ...looked, ...housekeeping, ...around }, deps) as unknown as StageActivities & Housekeeping
}
