// Many small byte strings in one object, with an index that finds each by key, so that a reader fetches a byte range.
//
// The index is JSON: {"keys": [...sorted...], "ends": [...]}; entry i lies at ends[i-1] (0 for the first) up to ends[i].

export interface PackEntry {
  readonly key: string
  readonly bytes: Uint8Array
}

/** Where the bytes of an entry lie in the data. */
interface Packed {
  readonly key: string
  readonly offset: number
  readonly length: number
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

/** The entries by key. @throws RangeError when `bytes` is not the index of a pack. */
export function packIndex(bytes: Uint8Array): Packed[] {
  const { keys, ends } = parse(bytes)
  if (!Array.isArray(keys) || !Array.isArray(ends) || keys.length !== ends.length)
    throw new RangeError('not the index of a pack')
  return keys.map((key, i) => {
    const offset = i === 0 ? 0 : ends[i - 1]!
    return { key, offset, length: ends[i]! - offset }
  })
}
