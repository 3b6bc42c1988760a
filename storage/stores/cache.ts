// A byte cache: objects and ranges that were read last are kept in memory, and readers at the same time share one request.
import { countCache } from '../cache-counts.ts'
import { byteCache } from './byte-cache.ts'
import type { ObjectStore } from '../object-store.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Keeps up to `capacity` bytes, what was used longest ago goes first. Objects never change, so nothing kept is ever wrong; absence is not kept. */
export function cached(store: ObjectStore, capacity: number): ObjectStore {
  const cache = byteCache<Bytes>(capacity)
  // A copy each, for who reads may give the buffer away.
  const read = async (name: string, work: () => Promise<Bytes | undefined>): Promise<Bytes | undefined> => {
    let hit = true
    const bytes = await cache.read(name, () => {
      hit = false
      return work()
    })
    countCache('objects', hit)
    return bytes?.slice()
  }
  return {
    ...store,
    get: (key, options) => (options?.signal ? store.get(key, options) : read(key, () => store.get(key))),
    getRange: (key, offset, length) => read(`${key} ${offset} ${length}`, () => store.getRange(key, offset, length)),
    async remove(key) {
      cache.drop(name => name === key || name.startsWith(`${key} `))
      await store.remove(key)
    },
  }
}
