// Range coalescing: ranges of one object that are asked for at the same time and lie close together are fetched as one.
import type { ObjectStore } from '../object-store.ts'

/** Bytes fetched in vain rather than by a request of their own; at 100 MB/s they take as long as one more request. */
const GAP = 1 << 20
/** Longest range that ranges are joined to. */
const LONGEST = 32 << 20

interface Wanted {
  readonly offset: number
  readonly length: number
  readonly done: (bytes: Uint8Array<ArrayBuffer> | undefined) => void
  readonly failed: (e: unknown) => void
}

export function coalesced(store: ObjectStore): ObjectStore {
  const waiting = new Map<string, Wanted[]>()

  async function fetchAll(key: string): Promise<void> {
    const wanted = waiting.get(key)!.sort((a, b) => a.offset - b.offset)
    waiting.delete(key)
    for (let i = 0; i < wanted.length;) {
      const start = wanted[i]!.offset
      let [end, j] = [start + wanted[i]!.length, i + 1]
      for (; j < wanted.length; j++) {
        const { offset, length } = wanted[j]!
        if (offset > end + GAP || offset + length - start > LONGEST) break
        end = Math.max(end, offset + length)
      }
      const group = wanted.slice(i, (i = j))
      void store.getRange(key, start, end - start).then(
        bytes => {
          for (const w of group) w.done(bytes?.slice(w.offset - start, w.offset - start + w.length))
        },
        (e: unknown) => {
          for (const w of group) w.failed(e)
        },
      )
    }
  }

  return {
    ...store,
    getRange: (key, offset, length) =>
      new Promise((done, failed) => {
        const wanted = { offset, length, done, failed }
        const others = waiting.get(key)
        if (others) return void others.push(wanted)
        waiting.set(key, [wanted])
        setImmediate(() => void fetchAll(key))
      }),
  }
}
