// What holds for every workflow: messages are answered before it ends, its log says whose it is, cancels are recorded as cancels.
import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  workflowInfo,
  type WorkflowInterceptors,
} from '@temporalio/workflow'
import { ownerOf } from '../domain/contract/names.ts'

export const interceptors = (): WorkflowInterceptors => ({
  inbound: [
    {
      async execute(input, next) {
        try {
          return await next(input)
        } finally {
          await CancellationScope.nonCancellable(() => condition(allHandlersFinished))
        }
      },
    },
  ],
  outbound: [
    {
      getLogAttributes: (input, next) => ({ ...next(input), ...ownerOf(workflowInfo().workflowId) }),
      async scheduleActivity(input, next) {
        try {
          return await next(input)
        } catch (e) {
          // The server gives such an activity no other attempt, and would call it, and with it the run, failed.
          if (e instanceof ActivityFailure && e.retryState === 'CANCEL_REQUESTED')
            throw new CancelledFailure(`${input.activityType} was cancelled`, [], e)
          throw e
        }
      },
    },
  ],
})
