// Bounded parallel work on the object store: enough requests in flight to hide latency, not more.

/** `f` of every item, at most `limit` at a time, results in the order of the items; the first error ends it. */
export async function mapBounded<T, R>(
  items: readonly T[],
  limit: number,
  f: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const out = Array.from<R>({ length: items.length })
  let next = 0
  let failed = false
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const i = next++
      try {
        out[i] = await f(items[i]!, i)
      } catch (e) {
        failed = true
        throw e
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
  return out
}

/** `f` of every item as it comes, at most `limit` at a time: no more items are asked for meanwhile; the first error ends it. */
export async function eachBounded<T>(
  items: AsyncIterable<T>,
  limit: number,
  f: (item: T) => Promise<unknown>,
): Promise<void> {
  const source = items[Symbol.asyncIterator]()
  let failed = false
  const lane = async (): Promise<void> => {
    try {
      for (let at = await source.next(); !at.done && !failed; at = await source.next()) await f(at.value)
    } catch (e) {
      failed = true
      throw e
    }
  }
  try {
    await Promise.all(Array.from({ length: limit }, lane))
  } finally {
    await source.return?.()
  }
}

/** `f` of every item, at most `limit` ahead of who takes the results, which come in the order of the items. */
export async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  f: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const queue: Promise<R>[] = []
  for await (const item of items) {
    const result = f(item)
    // Whoever stops before it hears nothing of it.
    result.catch(() => {})
    if (queue.push(result) >= limit) yield await queue.shift()!
  }
  while (queue.length > 0) yield await queue.shift()!
}
