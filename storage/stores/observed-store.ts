// Metrics: every request that leaves for the bucket is told, by operation and prefix, with its bytes, its time and how it ended.
import { around, type Operation } from './around.ts'
import { transientOf } from './gcs-errors.ts'
import { hotPrefix } from '../keys.ts'
import type { ObjectStore } from '../object-store.ts'

export interface Request {
  readonly operation: Operation
  readonly prefix: string
  /** Read or sent. */
  readonly bytes: number
  /** From when it was sent to its end. */
  readonly ms: number
  readonly ended: 'well' | 'failed' | 'throttled'
  readonly why?: string
}

export const observed = (store: ObjectStore, tell: (request: Request) => void): ObjectStore =>
  around(store, async (operation, key, work, written) => {
    const prefix = hotPrefix(key)
    const sent = performance.now()
    const ms = (): number => performance.now() - sent
    try {
      const result = await work()
      tell({
        operation,
        prefix,
        bytes: result instanceof Uint8Array ? result.length : written,
        ms: ms(),
        ended: 'well',
      })
      return result
    } catch (e) {
      const ended = transientOf(e) === 'throttled' ? 'throttled' : 'failed'
      tell({ operation, prefix, bytes: 0, ms: ms(), ended, why: (e as Error).message })
      throw e
    }
  })
