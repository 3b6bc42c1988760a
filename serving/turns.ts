// Work that is done once for all who ask, and work that takes its turn: so much at once, so much waiting; whoever comes then is told when to come again.
import { LRUCache } from 'lru-cache'
import { Problem } from './problem.ts'

/** @throws Problem 503 from the function that it gives, when too many wait already */
export function turns(width: number, waiting: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const queue: (() => void)[] = []
  return async work => {
    if (running < width) running++
    else if (queue.length < waiting) await new Promise<void>(go => queue.push(go))
    else throw new Problem(503, 'too much is asked of this server at once', 'try again', { 'retry-after': '2' })
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else running--
    }
  }
}

/** `make`, remembered by its first argument for the `kept` keys used last; requests at the same time share one call; failures are not kept. */
export function cached<A extends readonly unknown[], T extends object>(
  kept: number,
  make: (key: string, ...rest: A) => Promise<T>,
): (key: string, ...rest: A) => Promise<T> {
  const cache = new LRUCache<string, T, readonly unknown[]>({
    max: kept,
    ignoreFetchAbort: true,
    fetchMethod: (key, _before, { context }) => make(key, ...(context as A)),
  })
  return (key, ...rest) => cache.fetch(key, { context: rest }) as Promise<T>
}
