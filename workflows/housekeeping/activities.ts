// Short activities that make no artifact: survey of the source, index objects, release manifests, channels.
import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow'
import { queues } from '../../domain/contract/names.ts'
import { nonRetryable } from '../../domain/errors.ts'
import { SPARE } from '../../domain/stages.ts'
import type { Housekeeping } from '../../domain/contract/activities.ts'

export const policy = {
  startToCloseTimeout: '15m',
  heartbeatTimeout: '12s',
  // What undoes an activity must not overtake it; the default is another than documented.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumAttempts: 10 + SPARE,
    // What is not understood is not understood better the next time.
    nonRetryableErrorTypes: [...nonRetryable, 'TypeError', 'SyntaxError', 'RangeError'],
  },
} satisfies ActivityOptions

const short = proxyActivities<Housekeeping>({ ...policy, taskQueue: queues.index })
const long = proxyActivities<Housekeeping>({ ...policy, taskQueue: queues.cpu })

export const housekeeping: Housekeeping = Object.assign(Object.create(short) as Housekeeping, {
  plan: long.plan,
  evaluateRelease: long.evaluateRelease,
  diffReleases: long.diffReleases,
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
