// A byte cache: objects and ranges that were read last are kept in memory, and readers at the same time share one request.
import type { ObjectStore } from './object-store.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Keeps up to `capacity` bytes, what was used longest ago goes first. Objects never change, so nothing kept is ever wrong; absence is not kept. */
export function cached(store: ObjectStore, capacity: number): ObjectStore {
  const kept = new Map<string, Bytes>()
  const open = new Map<string, Promise<Bytes | undefined>>()
  let size = 0

  const drop = (name: string): void => {
    size -= kept.get(name)?.length ?? 0
    kept.delete(name)
  }

  async function read(name: string, work: () => Promise<Bytes | undefined>): Promise<Bytes | undefined> {
    const known = kept.get(name)
    if (known) {
      kept.delete(name)
      kept.set(name, known)
      return known.slice()
    }
    let reading = open.get(name)
    if (!reading) {
      reading = work().finally(() => open.delete(name))
      open.set(name, reading)
      const bytes = await reading
      // An object that would take most of the room is not kept.
      if (bytes && bytes.length * 4 <= capacity) {
        drop(name)
        kept.set(name, bytes)
        size += bytes.length
        for (const oldest of kept.keys()) {
          if (size <= capacity) break
          drop(oldest)
        }
      }
    }
    // A copy each, for who reads may give the buffer away.
    return (await reading)?.slice()
  }

  return {
    ...store,
    get: (key, options) => (options?.signal ? store.get(key, options) : read(key, () => store.get(key))),
    getRange: (key, offset, length) => read(`${key} ${offset} ${length}`, () => store.getRange(key, offset, length)),
    async remove(key) {
      for (const name of kept.keys()) if (name === key || name.startsWith(`${key} `)) drop(name)
      await store.remove(key)
    },
  }
}
