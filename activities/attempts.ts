// Attempts of an activity that failed, carried from one to the next by heartbeats, for the history keeps the last one only; and whose fault they were.
import type { Info } from '@temporalio/activity'
import { HANDED, LOST, type Failure, type ActivityReport } from '../domain/contract/artifacts.ts'
import { SPARE } from '../domain/stages.ts'

/** The newest; more are never carried. */
const KEPT = 200
/** So many workers may die of one activity: it may be what kills them. */
const LOST_MOST = 20

/** Milliseconds that the policy of an activity waits after so many failures. */
export function backoff({ retryPolicy }: Info, failures: number): number {
  const { initialInterval, backoffCoefficient = 2, maximumInterval } = retryPolicy ?? {}
  const wait = Number(initialInterval ?? 1000) * backoffCoefficient ** Math.max(0, failures - 1)
  return Math.min(wait, Number(maximumInterval) || Infinity)
}

/**
 * What failed before this attempt. An attempt that was killed could not report it: when it was last heard of follows from
 * when this one was scheduled (a back-off after the heartbeat time-out).
 */
export function failuresBefore(info: Info): Failure[] {
  const told = ((info.heartbeatDetails as ActivityReport | undefined)?.failures ?? []).slice(-KEPT)
  // Whoever has reset the activity (`temporal activity reset`) gives it all of its attempts again.
  const known = told.slice(Math.max(0, told.length - info.attempt + 1))
  if (known.length >= Math.min(info.attempt - 1, KEPT)) return known
  const waited = backoff(info, info.attempt - 1) + (info.heartbeatTimeoutMs ?? 0)
  const at = info.currentAttemptScheduledTimestampMs - waited
  return [...known, { at: Math.round(Math.max(at, known.at(-1)?.at ?? info.scheduledTimestampMs)), type: LOST }]
}

const countOf = (failures: readonly Failure[], isOne: (type: string) => boolean): number =>
  failures.filter(f => isOne(f.type)).length

/** Attempts that failed by the work itself, of those before this one. */
export const ownFailures = (failures: readonly Failure[]): number =>
  countOf(failures, type => type !== HANDED && type !== LOST)

/** Attempts before this one that nobody handed over. */
export const retriesOf = (info: Info): number => countOf(failuresBefore(info), type => type !== HANDED)

/** Whether an activity that has failed like this gets no other attempt: its policy is about the work, and Temporal's is wider by `SPARE`. */
export function usedUp(info: Info, failures: readonly Failure[]): boolean {
  const allowed = (info.retryPolicy?.maximumAttempts ?? 0) - SPARE
  return allowed > 0 && (ownFailures(failures) >= allowed || countOf(failures, type => type === LOST) >= LOST_MOST)
}

/** The result of a stage, with what it went through; any other result as it is. */
export function told(
  result: unknown,
  failures: readonly Failure[],
  requests: Readonly<Record<string, number>>,
): unknown {
  if (result === null || typeof result !== 'object' || !('ref' in result || 'counts' in result)) return result
  return { ...result, requests, ...(failures.length > 0 ? { failures } : {}) }
}
