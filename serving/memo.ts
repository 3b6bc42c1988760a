// A small cache of answers that never change: what was asked for longest ago is dropped first; failures are not kept.

/** `make`, remembered by its first argument for the `kept` keys used last; requests at the same time share one call. */
export function memo<A extends readonly unknown[], T>(
  kept: number,
  make: (key: string, ...rest: A) => Promise<T>,
): (key: string, ...rest: A) => Promise<T> {
  const cache = new Map<string, Promise<T>>()
  return (key, ...rest) => {
    const made = cache.get(key) ?? make(key, ...rest)
    cache.delete(key)
    cache.set(key, made)
    if (cache.size > kept) cache.delete(cache.keys().next().value!)
    made.catch(() => cache.get(key) === made && cache.delete(key))
    return made
  }
}
