// What every activity gets around it: a heartbeat while it makes progress, and failures with a type of the error table.
import { activityInfo, ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity'
import { errorTable, HillockError, isHillockError } from '../domain/errors.ts'
import type { Deps } from './context.ts'
import { fault } from './faults.ts'
import { beats, type Beat } from './meter.ts'

const BEAT_MS = 2000
/** Without any sign of progress for this long the heartbeat falls silent, and Temporal starts another attempt. */
const STALL_MS = 300_000

type Activity = (deps: Deps, ...args: never[]) => Promise<unknown>

export function guarded<T extends Record<string, Activity>>(
  activities: T,
  deps: Deps,
): Record<keyof T, (...args: unknown[]) => Promise<unknown>> {
  const wrap =
    (name: string, activity: Activity) =>
    async (...args: unknown[]): Promise<unknown> => {
      const context = Context.current()
      const beat: Beat = { stage: name, done: 0, total: 0, ticks: 0 }
      let seen = -1
      let quiet = 0
      const timer = setInterval(() => {
        quiet = beat.ticks === seen ? quiet + BEAT_MS : 0
        seen = beat.ticks
        if (quiet < STALL_MS) context.heartbeat({ stage: name, done: beat.done, total: beat.total })
      }, BEAT_MS)
      try {
        fault('before')
        const result = await beats.run(beat, () =>
          Promise.race([activity(cancellable(deps), ...(args as never[])), context.cancelled]),
        )
        fault('after')
        return result
      } catch (e) {
        throw asFailure(e)
      } finally {
        clearInterval(timer)
      }
    }
  return Object.fromEntries(Object.entries(activities).map(([name, a]) => [name, wrap(name, a)])) as never
}

/** Kernels and inference of a cancelled activity are aborted. */
function cancellable(deps: Deps): Deps {
  const signal = Context.current().cancellationSignal
  return {
    ...deps,
    compute: (name, args) => deps.compute(name, args, signal),
    infer: request => deps.infer(request, signal),
  }
}

function asFailure(e: unknown): unknown {
  if (e instanceof ApplicationFailure || e instanceof CancelledFailure) return e
  if (Context.current().cancellationSignal.aborted) return new CancelledFailure('cancelled')
  if (isHillockError(e))
    return ApplicationFailure.create({
      type: e.type,
      message: e.message,
      nonRetryable: !errorTable[e.type].retry,
      details: [{ ...e.details, activity: activityInfo().activityId }],
    })
  return e instanceof Error ? e : new HillockError('StoreError', String(e))
}
