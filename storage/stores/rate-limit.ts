// Rate limit: requests under a prefix that the bucket throttles are sent more slowly, and step by step faster again.
import { setTimeout as sleep } from 'node:timers/promises'
import { around } from './around.ts'
import { transientOf } from './gcs-errors.ts'
import { hotPrefix } from '../keys.ts'
import type { ObjectStore } from '../object-store.ts'

/** Of the requests sent in the last second, after a refusal; and what the rate gains in a second without one. */
const LESS = 0.7
const MORE = 1.05
/** Requests per second of one process under one prefix: never held back further, and from `FREE` on not at all; so much Google gives a new bucket. */
const SLOWEST = 50
const FREE = 1000

interface Lane {
  /** Requests per second at the time `since`. */
  rate: number
  since: number
  /** When the next request may leave. */
  next: number
  /** Requests of the second that began at `second`, and of the one before. */
  second: number
  sent: number
  before: number
}

export interface Clock {
  readonly now?: () => number
  readonly pause?: (ms: number) => Promise<unknown>
}

export function rateLimited(store: ObjectStore, { now = Date.now, pause = sleep }: Clock = {}): ObjectStore {
  const lanes = new Map<string, Lane>()

  const rateOf = (lane: Lane): number => {
    const rate = lane.rate * MORE ** ((now() - lane.since) / 1000)
    return rate >= FREE ? Infinity : rate
  }

  function count(lane: Lane): void {
    const passed = now() - lane.second
    if (passed >= 1000) Object.assign(lane, { second: now(), sent: 0, before: passed < 2000 ? lane.sent : 0 })
    lane.sent++
  }

  return around(store, async (_operation, key, work) => {
    const prefix = hotPrefix(key)
    const lane = lanes.get(prefix) ?? { rate: Infinity, since: 0, next: 0, second: 0, sent: 0, before: 0 }
    lanes.set(prefix, lane)
    const leave = Math.max(now(), lane.next)
    lane.next = leave + 1000 / rateOf(lane)
    if (leave > now()) await pause(leave - now())
    count(lane)
    try {
      return await work()
    } catch (e) {
      // Refusals within a second answer the same burst.
      if (transientOf(e) === 'throttled' && now() - lane.since >= 1000) {
        const rate = Math.max(SLOWEST, LESS * Math.min(rateOf(lane), Math.max(lane.sent, lane.before)))
        Object.assign(lane, { rate, since: now() })
      }
      throw e
    }
  })
}
