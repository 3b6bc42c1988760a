// Attempts of an activity that failed, carried from one to the next by heartbeats, for the history keeps the last one only.
import type { Info } from '@temporalio/activity'
import type { Failure, Told } from '../domain/contract.ts'

/** Type of an attempt whose worker was killed. */
export const LOST = 'Lost'
/** More are never carried; retry policies allow fewer. */
const KEPT = 16

/**
 * What failed before this attempt. An attempt that was killed could not report it: when it was last heard of follows from
 * when this one was scheduled (a back-off after the heartbeat time-out).
 */
export function failuresBefore(info: Info): Failure[] {
  const known = ((info.heartbeatDetails as Told | undefined)?.failures ?? []).slice(0, KEPT)
  if (known.length >= Math.min(info.attempt - 1, KEPT)) return known
  const { initialInterval, backoffCoefficient = 2, maximumInterval } = info.retryPolicy ?? {}
  const backoff = Math.min(
    Number(initialInterval ?? 1000) * backoffCoefficient ** (info.attempt - 2),
    Number(maximumInterval) || Infinity,
  )
  const at = info.currentAttemptScheduledTimestampMs - backoff - (info.heartbeatTimeoutMs ?? 0)
  return [...known, { at: Math.round(Math.max(at, known.at(-1)?.at ?? info.scheduledTimestampMs)), type: LOST }]
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
