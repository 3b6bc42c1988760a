// How often the caches of this process had what was asked of them, by name.

export interface CacheCount {
  hits: number
  misses: number
}

const counts = new Map<string, CacheCount>()

export function countCache(name: string, hit: boolean): void {
  const own = counts.get(name) ?? { hits: 0, misses: 0 }
  own[hit ? 'hits' : 'misses']++
  counts.set(name, own)
}

export const cacheCounts = (): Readonly<Record<string, CacheCount>> => Object.fromEntries(counts)
