// Calls of stage activities: timeouts and retry policy come from the stage table, the queue from whether a model is used, the summary from the call.
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow'
import { fingerprint, type Json } from '../domain/canonical.ts'
import { queues } from '../domain/contract/names.ts'
import { nonRetryable } from '../domain/errors.ts'
import { modelOf } from '../domain/models.ts'
import { SPARE, stageNames, stages, type StageName } from '../domain/stages.ts'
import type { StageActivities } from '../domain/contract/activities.ts'

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
