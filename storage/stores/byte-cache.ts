// Bytes that were asked for last, up to a capacity; who asks for the same at the same time shares one reading.
import { LRUCache } from 'lru-cache'

export interface ByteCache<T extends Uint8Array> {
  /** What is kept under `name`, or what `work` gives; the same array for all, which nobody may change. */
  read(name: string, work: () => Promise<T>): Promise<T>
  read(name: string, work: () => Promise<T | undefined>): Promise<T | undefined>
  drop(names: (name: string) => boolean): void
}

/** @param largest bytes of one that is kept, so that no single one takes most of the room */
export function byteCache<T extends Uint8Array>(capacity: number, largest = capacity >> 2): ByteCache<T> {
  const cache = new LRUCache<string, T, () => Promise<T | undefined>>({
    maxSize: capacity,
    maxEntrySize: largest,
    sizeCalculation: bytes => bytes.length || 1,
    ignoreFetchAbort: true,
    fetchMethod: (_name, _before, { context }) => context(),
  })
  return {
    read: (name: string, work: () => Promise<T | undefined>) => cache.fetch(name, { context: work }) as Promise<T>,
    drop(names) {
      for (const name of cache.keys()) if (names(name)) cache.delete(name)
    },
  }
}
