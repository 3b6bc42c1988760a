// Short activities that make no artifact: survey of the source, index objects, release manifests, channels.
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow'
import { queues } from '../domain/contract.ts'
import { nonRetryable } from '../domain/errors.ts'
import { SPARE } from '../domain/stages.ts'
import type { Housekeeping } from '../domain/tasks.ts'

export const housekeeping = proxyActivities<Housekeeping>({
  taskQueue: queues.cpu,
  startToCloseTimeout: '15m',
  heartbeatTimeout: '12s',
  // What undoes an activity must not overtake it; the default is another than documented.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumAttempts: 10 + SPARE,
    nonRetryableErrorTypes: [...nonRetryable],
  },
})

/** The same, under an id and a summary that say which: for those that a workflow runs more than once. */
export function named<H extends keyof Housekeeping>(
  name: H,
  what: string,
  ...args: Parameters<Housekeeping[H]>
): ReturnType<Housekeeping[H]> {
  const activity = housekeeping[name] as unknown as {
    executeWithOptions(options: object, args: unknown[]): ReturnType<Housekeeping[H]>
  }
  return activity.executeWithOptions({ activityId: `${name}/${what}`, summary: `${name} ${what}` }, args)
}
