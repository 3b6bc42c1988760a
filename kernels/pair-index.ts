// Open-addressing hash tables of pairs of uint32 (halves of uint64 ids, or pairs of labels), and orders of such pairs.

const hash = (u: number, v: number): number => {
  let h = Math.imul(u, 0x9e3779b1) ^ Math.imul(v ^ (u >>> 15), 0x85ebca6b)
  h ^= h >>> 15
  h = Math.imul(h, 0x2c1b3c6d)
  return h ^ (h >>> 13)
}

/** Gives each distinct pair of uint32 a dense index, in order of first insertion. */
export class PairIndex {
  size = 0
  first: Uint32Array
  second: Uint32Array
  private slots: Int32Array

  constructor(expected = 16) {
    let capacity = 32
    while (capacity < 2 * expected) capacity *= 2
    this.slots = new Int32Array(capacity).fill(-1)
    this.first = new Uint32Array(capacity >> 1)
    this.second = new Uint32Array(capacity >> 1)
  }

  /** Index of the pair, which is inserted if new. */
  add(u: number, v: number): number {
    const mask = this.slots.length - 1
    let s = hash(u, v) & mask
    for (let i = this.slots[s]!; i >= 0; i = this.slots[s]!) {
      if (this.first[i] === u && this.second[i] === v) return i
      s = (s + 1) & mask
    }
    if (this.size === this.first.length) {
      this.grow()
      return this.add(u, v)
    }
    this.first[this.size] = u
    this.second[this.size] = v
    this.slots[s] = this.size
    return this.size++
  }

  /** Index of the pair, or -1. */
  get(u: number, v: number): number {
    const mask = this.slots.length - 1
    let s = hash(u, v) & mask
    for (let i = this.slots[s]!; i >= 0; i = this.slots[s]!) {
      if (this.first[i] === u && this.second[i] === v) return i
      s = (s + 1) & mask
    }
    return -1
  }

  private grow(): void {
    const capacity = this.slots.length * 2
    const [first, second] = [this.first, this.second]
    this.first = new Uint32Array(capacity >> 1)
    this.second = new Uint32Array(capacity >> 1)
    this.first.set(first)
    this.second.set(second)
    this.slots = new Int32Array(capacity).fill(-1)
    for (let i = 0; i < this.size; i++) {
      let s = hash(first[i]!, second[i]!) & (capacity - 1)
      while (this.slots[s]! >= 0) s = (s + 1) & (capacity - 1)
      this.slots[s] = i
    }
  }
}

/** The same memory as uint32 halves, low before high: every engine that Node runs on is little-endian. */
export const halves = (ids: BigUint64Array): Uint32Array => new Uint32Array(ids.buffer, ids.byteOffset, 2 * ids.length)

/** A table in which distinct ids are found by their halves: `get(low, high)` gives the position in `ids`. */
export function indexIds(ids: BigUint64Array): PairIndex {
  const index = new PairIndex(ids.length)
  const h = halves(ids)
  for (let i = 0; i < ids.length; i++)
    if (index.add(h[2 * i]!, h[2 * i + 1]!) !== i) throw new RangeError(`id ${ids[i]} stands twice in a table`)
  return index
}

/** Ids of the pairs of an index (low, high) in order of insertion. */
export function idsOf(index: PairIndex): BigUint64Array {
  const ids = new BigUint64Array(index.size)
  const h = halves(ids)
  for (let i = 0; i < index.size; i++) {
    h[2 * i] = index.first[i]!
    h[2 * i + 1] = index.second[i]!
  }
  return ids
}

/** The distinct ids in ascending order, and the place of each id in that order. */
export function rankIds(ids: BigUint64Array): { sorted: BigUint64Array; rank: Uint32Array } {
  const values = new PairIndex(1024)
  const rank = new Uint32Array(ids.length)
  const h = halves(ids)
  for (let i = 0; i < ids.length; i++) rank[i] = values.add(h[2 * i]!, h[2 * i + 1]!)
  const sorted = idsOf(values).sort()
  const place = new Uint32Array(sorted.length)
  const s = halves(sorted)
  for (let i = 0; i < sorted.length; i++) place[values.get(s[2 * i]!, s[2 * i + 1]!)] = i
  for (let i = 0; i < ids.length; i++) rank[i] = place[rank[i]!]!
  return { sorted, rank }
}

function countingSort(order: Uint32Array, key: Uint32Array, bound: number): Uint32Array {
  const start = new Uint32Array(bound + 1)
  for (let i = 0; i < key.length; i++) start[key[i]! + 1]!++
  for (let k = 0; k < bound; k++) start[k + 1]! += start[k]!
  const out = new Uint32Array(order.length)
  for (let i = 0; i < order.length; i++) out[start[key[order[i]!]!]!++] = order[i]!
  return out
}

/** Positions of the pairs (a[i], b[i]), each below `bound`, in ascending order. */
export function orderPairs(a: Uint32Array, b: Uint32Array, bound: number): Uint32Array {
  const order = new Uint32Array(a.length)
  for (let i = 0; i < a.length; i++) order[i] = i
  return countingSort(countingSort(order, b, bound), a, bound)
}
