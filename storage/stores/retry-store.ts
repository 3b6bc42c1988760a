// Retries: a store whose transient failures are waited out, with exponential back-off and full jitter.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { around } from './around.ts'
import { transientOf } from './gcs-errors.ts'
import type { Attempts, ObjectStore } from '../object-store.ts'

const FIRST_MS = 250
const LONGEST_MS = 16_000

export interface Patience {
  /** No attempt begins later than this after the first. */
  readonly ms: number
  /** 0..1; decides how long is waited. */
  readonly random?: () => number
  readonly pause?: (ms: number) => Promise<unknown>
  readonly now?: () => number
}

/**
 * A write whose answer got lost is told from one that somebody else made (`Attempts`), so its verdict is right: what this call wrote is
 * `created`, what it swapped is swapped.
 */
export function retrying(store: ObjectStore, patience: Patience): ObjectStore {
  const { ms, random = Math.random, pause = sleep, now = Date.now } = patience

  async function again<T>(work: (attempts: Attempts) => Promise<T>): Promise<T> {
    const attempts: Attempts = { id: randomUUID(), again: false }
    const until = now() + ms
    for (let n = 0; ; n++)
      try {
        return await work(attempts)
      } catch (e) {
        const wait = random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** n)
        if (transientOf(e) === undefined || now() + wait > until) throw e
        await pause(wait)
        attempts.again = true
      }
  }

  return {
    ...around(store, (_operation, _key, work) => again(work)),
    async *list(prefix, after) {
      const from = (last: string | undefined): AsyncIterator<string> => store.list(prefix, last)[Symbol.asyncIterator]()
      let [last, keys] = [after, from(after)]
      for (;;) {
        // A list that failed goes on behind the last key that it gave.
        const step = await again(attempts => {
          if (attempts.again) keys = from(last)
          return keys.next()
        })
        if (step.done) return
        last = step.value
        yield last
      }
    },
  }
}
