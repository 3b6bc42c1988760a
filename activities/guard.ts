// What every activity gets around it: a heartbeat while it makes progress, and failures with a type of the error table.
import { activityInfo, ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity'
import { errorTable, HillockError, isHillockError } from '../domain/errors.ts'
import { HANDED, LOST, type Failure } from '../domain/contract/artifacts.ts'
import type { Deps } from './context.ts'
import { backoff, failuresBefore, ownFailures, told, usedUp } from './attempts.ts'
import { fault } from '../demo/faults.ts'
import { untilOpen } from './housekeeping/gc-gate.ts'
import { beats, lifeOf, newBeat, type Beat } from './meter.ts'
import { tellAttempt } from './metrics.ts'

const BEAT_MS = 2000
/** Without any sign of progress for this long the heartbeat falls silent, and Temporal starts another attempt. */
const STALL_MS = 300_000
/** Type of an attempt that did so. */
const STALLED = 'Stalled'
/** Attempts that end without a word. */
const UNTOLD: readonly string[] = [LOST, STALLED]

/** Short, with an effect that may have to be undone: these are never left half way, for what undoes them must not overtake them. */
const WHOLE: readonly string[] = [
  'publish',
  'rollBack',
  'takeBack',
  'recordDecision',
  'hold',
  'releaseHold',
  'quarantine',
  'liftQuarantine',
]

type Activity = (deps: Deps, ...args: never[]) => Promise<unknown>

export function guarded<T extends Record<string, Activity>>(
  activities: T,
  deps: Deps,
): Record<keyof T, (...args: unknown[]) => Promise<unknown>> {
  const wrap =
    (name: string, activity: Activity) =>
    async (...args: unknown[]): Promise<unknown> => {
      const context = Context.current()
      const failures = failuresBefore(context.info)
      const { finished = {} } = (context.info.heartbeatDetails ?? {}) as Partial<Beat>
      const beat = newBeat(name, finished)
      let held: string | undefined
      const say = (): void => {
        const { done, total, waits, finished } = beat
        context.heartbeat({ stage: name, done, total, waits, failures, held, finished })
      }
      // At once, so that they are known however this attempt ends.
      if (failures.length > 0) say()
      if (UNTOLD.includes(failures.at(-1)?.type ?? '') && failures.length === context.info.attempt - 1)
        tellAttempt(name, failures, true, {})
      let seen = -1
      let quiet = 0
      const timer = setInterval(() => {
        const life = lifeOf(beat)
        quiet = life === seen ? quiet + BEAT_MS : 0
        seen = life
        // With the last one, so that it is no worker that was lost.
        if (quiet === STALL_MS) failures.push({ at: Date.now(), type: STALLED })
        if (quiet <= STALL_MS) say()
      }, BEAT_MS)
      try {
        if (usedUp(context.info, failures))
          throw new HillockError(
            'ComputeLost',
            'too many workers have died in the middle of this, or it hung on every attempt',
          )
        await untilOpen(deps.objects, name, stop => {
          const first = held !== stop
          held = stop
          beat.ticks++
          if (first) say()
        })
        held = undefined
        fault('before')
        const result = await beats.run(beat, () => {
          const work = activity(cancellable(deps), ...(args as never[]))
          return WHOLE.includes(name) ? work : Promise.race([work, context.cancelled])
        })
        fault('after')
        tellAttempt(name, failures, false, beat.requests)
        return told(result, failures, beat.requests)
      } catch (e) {
        const { aborted, reason } = context.cancellationSignal as { aborted: boolean; reason?: Error }
        // Cancelled is no failure; but an attempt that ends because its worker shuts down is made again.
        const handed = aborted && reason?.message === 'WORKER_SHUTDOWN'
        if (!aborted || handed) {
          const type = (e as { type?: string }).type ?? (e as Error).name
          failures.push({ at: Date.now(), type: handed ? HANDED : type })
          say()
          tellAttempt(name, failures, true, beat.requests)
        }
        if (handed)
          throw ApplicationFailure.create({ type: HANDED, message: 'its worker was told to end', nextRetryDelay: '1s' })
        throw asFailure(e, failures)
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
    compute: (kernel, args) => deps.compute(kernel, args, signal),
    infer: request => deps.infer(request, signal),
  }
}

/** Where there is no next attempt, the failures stand in the history with the last of them. */
function asFailure(e: unknown, failures: readonly Failure[]): unknown {
  if (e instanceof ApplicationFailure || e instanceof CancelledFailure) return e
  if (Context.current().cancellationSignal.aborted) return new CancelledFailure('cancelled')
  const info = activityInfo()
  const over = usedUp(info, failures)
  const details = [{ ...(isHillockError(e) ? e.details : {}), activity: info.activityId, failures }]
  // As after the failures of the work alone: Temporal's own count is of all attempts.
  const how = { details, nextRetryDelay: backoff(info, ownFailures(failures)) }
  if (isHillockError(e))
    return ApplicationFailure.create({
      ...how,
      type: e.type,
      message: e.message,
      nonRetryable: !errorTable[e.type].retry || over,
    })
  const error = e instanceof Error ? e : new HillockError('StoreError', String(e))
  return ApplicationFailure.fromError(error, { ...how, nonRetryable: over })
}
