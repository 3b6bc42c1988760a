// A small cache of answers that never change: what was asked for longest ago is dropped first; failures are not kept.
import { LRUCache } from 'lru-cache'

/** `make`, remembered by its first argument for the `kept` keys used last; requests at the same time share one call. */
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
