// One page of an audit: recorded activities are executed again, each on the queue of its stage.
import { ActivityFailure, isCancellation, proxyActivities } from '@temporalio/workflow'
import { queues } from '../../domain/contract/names.ts'
import type { Recorded, Verdict } from '../../domain/contract/housekeeping.ts'
import { nonRetryable } from '../../domain/errors.ts'
import { SPARE, stages } from '../../domain/stages.ts'
import type { Housekeeping } from '../../domain/contract/activities.ts'
import { window } from '../../domain/index/window.ts'

const WIDTH = 6

export async function audit(page: readonly Recorded[]): Promise<Verdict[]> {
  return window([...page.entries()], WIDTH, async ([i, recorded]) => {
    const row = stages[recorded.stage]
    const { reexecute } = proxyActivities<Pick<Housekeeping, 'reexecute'>>({
      taskQueue: queues[row.queue],
      startToCloseTimeout: `${row.timeout.attempt}s`,
      heartbeatTimeout: `${row.timeout.heartbeat}s`,
      // As many attempts as the stage has: on the last one it sets poison blocks aside, as it did then.
      retry: { maximumAttempts: row.retry.attempts + SPARE, nonRetryableErrorTypes: [...nonRetryable, 'TypeError'] },
    })
    try {
      return await reexecute.executeWithOptions({ activityId: `${i}/${recorded.id}`, summary: recorded.id }, [recorded])
    } catch (e) {
      if (!(e instanceof ActivityFailure) || isCancellation(e)) throw e
      const why = `${recorded.id} could not be executed again: ${e.cause?.message ?? e.message}`
      return { id: recorded.id, artifacts: 1, equal: 0, why: [why.slice(0, 300)], runtime: [] }
    }
  })
}
