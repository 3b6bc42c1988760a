// Every activity of Hillock, ready for a worker: stages by name and housekeeping, with heartbeats and typed failures.
import { stageNames, stages, type StageName } from '../domain/stages.ts'
import type { BatchOutcome, Outcome } from '../domain/contract/artifacts.ts'
import type { RunContext } from '../domain/contract/run.ts'
import type { CellTask, Housekeeping, StageActivities } from '../domain/contract/activities.ts'
import { archive } from './housekeeping/archive.ts'
import { publish, recordDecision, rollBack, takeBack } from './release/channels.ts'
import type { Deps } from './context.ts'
import { diffReleases } from './quality/diff.ts'
import { evaluateRelease } from './quality/evaluate.ts'
import { gather } from './gather.ts'
import { collect, planCollection } from './housekeeping/gc.ts'
import { guarded } from './guard.ts'
import { hold, holdsOn, refuseHeld, releaseHold } from './release/holds.ts'
import { tryModel } from './model.ts'
import { meteredCompute, meteredInfer, meteredStore } from './meter.ts'
import { liftingOwn } from './housekeeping/own-marks.ts'
import { planner } from './housekeeping/plan.ts'
import { lookUpCache, saveIndexNode } from './housekeeping/cache-lookup.ts'
import { poisoned, residuals } from './quality/quality.ts'
import { assemble } from './release/release.ts'
import { reexecute } from './housekeeping/reexecute.ts'
import { survey } from './housekeeping/survey.ts'
import { diagnose, liftQuarantine, quarantine } from './housekeeping/taint.ts'
import { artifactStore } from '../storage/artifacts.ts'

type AnyActivity = (deps: Deps, task: never) => Promise<Outcome | BatchOutcome>

/** `synapse-map` is made by `synapseMap`, which the file that its row names exports. */
const stageActivities = await Promise.all(
  stageNames
    .filter(s => stages[s].code !== undefined)
    .map(async (stage): Promise<[StageName, AnyActivity]> => {
      const name = stage.replaceAll(/-./g, dash => dash[1]!.toUpperCase())
      const file = (await import(`./${stages[stage].code}.ts`)) as Record<string, AnyActivity>
      if (!file[name]) throw new Error(`activities/${stages[stage].code}.ts exports no ${name} for stage ${stage}`)
      return [stage, file[name]]
    }),
)

const housekeeping = {
  survey: async (deps, input, forPlan) => {
    if (!forPlan) await refuseHeld(deps, input)
    return survey(deps, input)
  },
  tryModel,
  lookUpCache,
  saveIndexNode,
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
    [...stageActivities, ...(Object.entries(own) as [StageName, AnyActivity][])].map(([name, activity]) => [
      name,
      ['region', 'node'].includes(stages[name].scope)
        ? async (d: Deps, task: CellTask) =>
            activity(liftingOwn(d, task.context), (await gather(d, name, task)) as never)
        : async (d: Deps, task: { context: RunContext }) => activity(liftingOwn(d, task.context), task as never),
    ]),
  )
  const around = { plan: planner(looked as never), reexecute: reexecute(looked as never) }
  return guarded({ ...looked, ...housekeeping, ...around }, deps) as unknown as StageActivities & Housekeeping
}
