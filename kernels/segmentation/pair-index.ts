// Open-addressing hash tables of pairs of uint32 (halves of uint64 ids, or pairs of labels), and orders of such pairs.
import { longer } from '../arrays.ts'

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

  /** Slot of the pair, or the free one where it would go. */
  private slot(u: number, v: number): number {
    const mask = this.slots.length - 1
    let s = hash(u, v) & mask
    for (let i = this.slots[s]!; i >= 0 && (this.first[i] !== u || this.second[i] !== v); i = this.slots[s]!)
      s = (s + 1) & mask
    return s
  }

  /** Index of the pair, or -1. */
  get(u: number, v: number): number {
    return this.slots[this.slot(u, v)]!
  }

  /** Index of the pair, which is inserted if new. */
  add(u: number, v: number): number {
    const s = this.slot(u, v)
    if (this.slots[s]! >= 0) return this.slots[s]!
    if (this.size === this.first.length) {
      this.grow()
      return this.add(u, v)
    }
    this.first[this.size] = u
    this.second[this.size] = v
    this.slots[s] = this.size
    return this.size++
  }

  private grow(): void {
    this.first = longer(this.first)
    this.second = longer(this.second)
    this.slots = new Int32Array(2 * this.slots.length).fill(-1)
    for (let i = 0; i < this.size; i++) this.slots[this.slot(this.first[i]!, this.second[i]!)] = i
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

/** The place of each id among the distinct ones in order of first appearance, after those that `values` holds already. */
export function dense(ids: BigUint64Array | Uint32Array, values: PairIndex = new PairIndex(1024)): Uint32Array {
  const places = new Uint32Array(ids.length)
  const [words, stride] = ids instanceof Uint32Array ? [ids, 1] : [halves(ids), 2]
  // Neighbouring voxels are mostly alike.
  let [low, high, last] = [-1, -1, 0]
  for (let i = 0; i < ids.length; i++) {
    const l = words[stride * i]!
    const h = stride === 2 ? words[2 * i + 1]! : 0
    if (l !== low || h !== high) {
      last = values.add(l, h)
      low = l
      high = h
    }
    places[i] = last
  }
  return places
}

/** The distinct ids (and those that `values` holds already) in ascending order, and the place of each id in that order. */
export function rankIds(
  ids: BigUint64Array | Uint32Array,
  values: PairIndex = new PairIndex(1024),
): { sorted: BigUint64Array; rank: Uint32Array } {
  const rank = dense(ids, values)
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
  const order = Uint32Array.from(a, (_, i) => i)
  return countingSort(countingSort(order, b, bound), a, bound)
}
