// Archiving of histories: started by every run that makes artifacts when it ends, and outliving it.
import {
  CancellationScope,
  continueAsNew,
  ParentClosePolicy,
  proxyActivities,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow'
import { queues, workflowIds } from '../../domain/contract/names.ts'
import type { Archived } from '../../domain/contract/housekeeping.ts'
import { nonRetryable } from '../../domain/errors.ts'
import type { Execution } from '../../domain/provenance/history.ts'
import { SPARE } from '../../domain/stages.ts'
import type { Housekeeping } from '../../domain/contract/activities.ts'

const patient = proxyActivities<Pick<Housekeeping, 'archive'>>({
  taskQueue: queues.cpu,
  startToCloseTimeout: '1d',
  heartbeatTimeout: '12s',
  retry: { initialInterval: '5s', maximumAttempts: 20 + SPARE, nonRetryableErrorTypes: [...nonRetryable] },
})

const MOST_SECONDS = 600

/** Waits until the run has ended. */
export async function archive(root: Execution): Promise<Archived> {
  for (let seconds = 0.5; ; seconds = Math.min(MOST_SECONDS, seconds * 2)) {
    const archived = await patient.archive(root)
    if (archived !== null) return archived
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof archive>(root)
    await sleep(seconds * 1000)
  }
}

/** Runs `work`, and then has the histories of this run archived, whether it succeeded, failed or was cancelled. */
export async function archived<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    const { workflowId, runId, originalExecutionRunId, typedSearchAttributes } = workflowInfo()
    await CancellationScope.nonCancellable(async () => {
      try {
        await startChild(archive, {
          // The same in the replay of a run that was reset, where only the first run id is known.
          workflowId: workflowIds.archive({ workflowId, runId: originalExecutionRunId }),
          args: [{ workflowId, runId }],
          // It waits for its parent to end.
          parentClosePolicy: ParentClosePolicy.ABANDON,
          staticSummary: `histories of ${workflowId}`,
          typedSearchAttributes,
        })
      } catch (e) {
        // An audit in a hurry was faster.
        if ((e as Error).name !== 'WorkflowExecutionAlreadyStartedError') throw e
      }
    })
  }
}
