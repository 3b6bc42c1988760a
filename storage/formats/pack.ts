// Many small byte strings in one object, with an index that finds each by key, so that a reader fetches a byte range.
//
// The index is JSON: {"keys": [...sorted...], "ends": [...]}; entry i lies at ends[i-1] (0 for the first) up to ends[i].

export interface PackEntry {
  readonly key: string
  readonly bytes: Uint8Array
}

export interface PackIndex {
  readonly keys: readonly string[]
  /** Where the bytes of `key` lie in the data, or undefined. */
  find(key: string): { offset: number; length: number } | undefined
}

/**
 * Entries are laid out sorted by key (code units), whatever order they come in.
 * @throws RangeError for a key given twice.
 */
export function pack(entries: Iterable<PackEntry>): { data: Uint8Array<ArrayBuffer>; index: Uint8Array<ArrayBuffer> } {
  const sorted = [...entries].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  const data = new Uint8Array(sorted.reduce((n, e) => n + e.bytes.length, 0))
  const ends: number[] = []
  let at = 0
  sorted.forEach((e, i) => {
    if (i > 0 && sorted[i - 1]!.key === e.key) throw new RangeError(`key ${e.key} is packed twice`)
    data.set(e.bytes, at)
    ends.push((at += e.bytes.length))
  })
  return { data, index: new Uint8Array(Buffer.from(JSON.stringify({ keys: sorted.map(e => e.key), ends }))) }
}

function parse(bytes: Uint8Array): { keys?: string[]; ends?: number[] } {
  try {
    return (JSON.parse(Buffer.from(bytes).toString()) as object | null) ?? {}
  } catch {
    return {}
  }
}

/** @throws RangeError when `bytes` is not the index of a pack. */
export function packIndex(bytes: Uint8Array): PackIndex {
  const { keys, ends } = parse(bytes)
  if (!Array.isArray(keys) || !Array.isArray(ends) || keys.length !== ends.length)
    throw new RangeError('not the index of a pack')
  return {
    keys,
    find(key) {
      let lo = 0
      let hi = keys.length
      while (lo < hi) {
        const mid = (lo + hi) >> 1
        if (keys[mid]! < key) lo = mid + 1
        else hi = mid
      }
      if (keys[lo] !== key) return undefined
      const offset = lo === 0 ? 0 : ends[lo - 1]!
      return { offset, length: ends[lo]! - offset }
    },
  }
}
