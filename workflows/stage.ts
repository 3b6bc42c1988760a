// Calls of stage activities: timeouts, retry policy and queue come from the stage table; what becomes of a run where one fails for good.
import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  log,
  proxyActivities,
  TimeoutFailure,
} from '@temporalio/workflow'
import { fingerprint, type Json } from '../domain/canonical.ts'
import { queues } from '../domain/contract/names.ts'
import type { ActivityReport, Outcome } from '../domain/contract/artifacts.ts'
import { isLocal, nonRetryable } from '../domain/errors.ts'
import { modelOf } from '../domain/models.ts'
import { SPARE, stageNames, stages, type StageName } from '../domain/stages.ts'
import type { CellTask, StageActivities } from '../domain/contract/activities.ts'

const proxyOf = (stage: StageName): StageActivities => {
  const row = stages[stage]
  return proxyActivities<StageActivities>({
    startToCloseTimeout: `${row.timeout.attempt}s`,
    heartbeatTimeout: `${row.timeout.heartbeat}s`,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      maximumAttempts: row.retry.attempts + SPARE,
      maximumInterval: '16s',
      initialInterval: `${row.retry.firstSeconds}s`,
      backoffCoefficient: row.retry.backoff,
      nonRetryableErrorTypes: [...nonRetryable, 'TypeError'],
    },
  })
}
const proxies = Object.fromEntries(stageNames.map(s => [s, proxyOf(s)])) as Record<StageName, StageActivities>

/** Runs one activity of `stage`; `what` is the part of its readable id and summary that says which. */
export function runStage<S extends StageName>(
  stage: S,
  what: string,
  task: Parameters<StageActivities[S]>[0],
): ReturnType<StageActivities[S]> {
  const activity = proxies[stage][stage] as unknown as {
    executeWithOptions(options: object, args: unknown[]): ReturnType<StageActivities[S]>
  }
  // Replay compares ids, not inputs: with a digest of the input in the id it compares both.
  const activityId = `${stage}/${what}@${fingerprint(task as unknown as Json)}`
  const taskQueue = queues[modelOf(task.context, stage) ? 'inference' : stages[stage].queue]
  return activity.executeWithOptions({ activityId, taskQueue, summary: `${stage} ${what}` }, [task])
}

/**
 * An activity has failed for good with `e`: its region is made empty, as a hole that the release declares and the gate counts.
 * @throws `e` where the run as a whole is at fault; ApplicationFailure where more than a region hangs on it
 */
export async function orHole(e: unknown, stage: StageName, what: string, task: Partial<CellTask>): Promise<Outcome> {
  const why = e instanceof ActivityFailure ? e.cause : undefined
  const local = why instanceof TimeoutFailure || (why instanceof ApplicationFailure && isLocal(why.type ?? ''))
  if (!local) throw e
  const [said] = (why instanceof ApplicationFailure ? (why.details ?? []) : []) as [Details?]
  if (said?.everywhere) throw e
  const failed = why.message
  if (task.level !== 0) {
    const message = `${stage} ${what} has failed for good, and the run with it, for more than one region hangs on it: ${failed}. Mend the cause and start the run again: what was made is found`
    throw ApplicationFailure.create({
      message,
      type: why instanceof ApplicationFailure ? (why.type ?? '') : 'ComputeLost',
      details: [said],
    })
  }
  log.warn('a region is set aside', { stage, what, failed })
  const hole = await runStage(stage as 'mesh', `${what} set aside`, { ...(task as CellTask), failed })
  return { ...hole, retries: hole.retries + (said?.failures?.length ?? 0) }
}
type Details = ActivityReport & { readonly everywhere?: 1 }
