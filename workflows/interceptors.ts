// Cancels are recorded as cancels, also where an activity fails on its own between the request and its next attempt.
import { ActivityFailure, CancelledFailure, type WorkflowInterceptors } from '@temporalio/workflow'

export const interceptors = (): WorkflowInterceptors => ({
  outbound: [
    {
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
