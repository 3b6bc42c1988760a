// Before anything starts: the source and the run file, and the model where inference runs.
import { proxyActivities } from '@temporalio/workflow'
import { housekeeping, policy } from './housekeeping/activities.ts'
import { queues } from '../domain/contract/names.ts'
import type { Planned, ReconstructInput, RunContext } from '../domain/contract/run.ts'
import { tried } from '../domain/models.ts'
import { SPARE } from '../domain/stages.ts'
import type { Housekeeping } from '../domain/contract/activities.ts'

const { tryModel } = proxyActivities<Pick<Housekeeping, 'tryModel'>>({
  ...policy,
  taskQueue: queues.inference,
  // A model that takes the process down with it does so again.
  retry: { ...policy.retry, maximumAttempts: 3 + SPARE },
})

/** @throws ApplicationFailure ConfigError, SourceError, ModelMismatch */
export async function surveyed(input: ReconstructInput, forPlan?: boolean): Promise<RunContext> {
  const context = await housekeeping.survey(input, ...(forPlan ? [forPlan] : []))
  return tried(context, tryModel)
}

export const planned = async (input: ReconstructInput): Promise<Planned> =>
  housekeeping.plan(input, await surveyed(input, true))
