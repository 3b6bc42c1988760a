// Bytes that were asked for last, up to a capacity; who asks for the same at the same time shares one reading.

export interface ByteCache<T extends Uint8Array> {
  /** What is kept under `name`, or what `work` gives; the same array for all, which nobody may change. */
  read<U extends T | undefined>(name: string, work: () => Promise<U>): Promise<U>
  drop(names: (name: string) => boolean): void
}

/** Keeps up to `capacity` bytes; what was used longest ago goes first. */
export function byteCache<T extends Uint8Array>(capacity: number): ByteCache<T> {
  const kept = new Map<string, T>()
  const open = new Map<string, Promise<T | undefined>>()
  let size = 0
  const drop = (name: string): void => {
    size -= kept.get(name)?.length ?? 0
    kept.delete(name)
  }
  const keep = (name: string, bytes: T | undefined): void => {
    open.delete(name)
    // One that would take most of the room is not kept.
    if (!bytes || bytes.length * 4 > capacity) return
    drop(name)
    kept.set(name, bytes)
    size += bytes.length
    for (const oldest of kept.keys()) {
      if (size <= capacity) break
      drop(oldest)
    }
  }
  return {
    read<U extends T | undefined>(name: string, work: () => Promise<U>): Promise<U> {
      const known = kept.get(name)
      if (known) {
        kept.delete(name)
        kept.set(name, known)
        return Promise.resolve(known as U)
      }
      let reading = open.get(name)
      if (!reading) {
        reading = work()
        open.set(name, reading)
        reading.then(
          bytes => keep(name, bytes),
          () => open.delete(name),
        )
      }
      return reading as Promise<U>
    },
    drop(names) {
      for (const name of kept.keys()) if (names(name)) drop(name)
    },
  }
}
