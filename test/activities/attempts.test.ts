// Whose fault an attempt is: what a worker hands over or dies of does not use up what the work is allowed.
import type { Info } from '@temporalio/activity'
import { expect, test } from 'vitest'
import { backoff, failuresBefore, ownFailures, retriesOf, usedUp } from '../../activities/attempts.ts'
import { HANDED, LOST } from '../../domain/contract/artifacts.ts'
import { SPARE } from '../../domain/stages.ts'

const info = (attempt: number, types: readonly string[]): Info =>
  ({
    attempt,
    heartbeatDetails: { failures: types.map((type, at) => ({ at, type })) },
    retryPolicy: { maximumAttempts: 5 + SPARE, initialInterval: 1000 },
    scheduledTimestampMs: 0,
    currentAttemptScheduledTimestampMs: 1e6,
    heartbeatTimeoutMs: 12_000,
  }) as unknown as Info
const times = (n: number, type: string): string[] => Array.from({ length: n }, () => type)
const isUsedUp = (types: readonly string[]): boolean => {
  const i = info(types.length + 1, types)
  return usedUp(i, failuresBefore(i))
}

test('attempts that were handed over do not count, those that failed do, and workers may not die for ever', () => {
  expect(isUsedUp(times(100, HANDED))).toBe(false)
  expect(retriesOf(info(101, times(100, HANDED)))).toBe(0)
  expect(isUsedUp([...times(100, HANDED), ...times(4, 'StoreError')])).toBe(false)
  expect(isUsedUp([...times(100, HANDED), ...times(5, 'StoreError')])).toBe(true)
  expect(isUsedUp(times(19, LOST))).toBe(false)
  expect(isUsedUp(times(20, LOST))).toBe(true)
})

test('an activity that somebody has reset has all of its attempts again', () => {
  const failures = times(4, 'StoreError')
  expect(failuresBefore(info(5, failures))).toHaveLength(4)
  expect(failuresBefore(info(1, failures))).toEqual([])
  expect(failuresBefore(info(2, [...failures, 'ComputeLost'])).map(f => f.type)).toEqual(['ComputeLost'])
})

test('the wait for the next attempt grows with failures of the work, up to the limit of the policy', () => {
  expect([0, 1, 2, 4].map(n => backoff(info(50, []), n))).toEqual([1000, 1000, 2000, 8000])
  const limited = { ...info(9, []), retryPolicy: { maximumInterval: 3000 } } as unknown as Info
  expect(backoff(limited, 4)).toBe(3000)
})

test('an attempt that nobody tells of was lost', () => {
  const before = failuresBefore(info(4, [HANDED, 'StoreError']))
  expect(before.map(f => f.type)).toEqual([HANDED, 'StoreError', LOST])
  expect(ownFailures(before)).toBe(1)
})
