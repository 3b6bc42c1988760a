// uint64 volumes to dense uint32 indices and from one set of ids to another, without a bigint per voxel.

/** Open-addressing table from a uint64, as two 32-bit halves, to an index; grows by doubling. */
class IdTable {
  private low: Uint32Array
  private high: Uint32Array
  private value: Int32Array
  private mask: number
  size = 0

  constructor(capacity: number) {
    let n = 16
    while (n < capacity * 2) n *= 2
    this.low = new Uint32Array(n)
    this.high = new Uint32Array(n)
    this.value = new Int32Array(n).fill(-1)
    this.mask = n - 1
  }

  /** Slot of the id, or of the free place where it would go. */
  private slot(lo: number, hi: number): number {
    let s = (Math.imul(lo ^ Math.imul(hi, 0x85ebca6b), 0x9e3779b1) >>> 7) & this.mask
    while (this.value[s]! >= 0 && (this.low[s] !== lo || this.high[s] !== hi)) s = (s + 1) & this.mask
    return s
  }

  /** Index of the id, -1 if it is not there. */
  get(lo: number, hi: number): number {
    return this.value[this.slot(lo, hi)]!
  }

  set(lo: number, hi: number, index: number): void {
    if (this.size * 2 > this.mask) this.grow()
    const s = this.slot(lo, hi)
    if (this.value[s]! < 0) this.size++
    this.low[s] = lo
    this.high[s] = hi
    this.value[s] = index
  }

  private grow(): void {
    const { low, high, value } = this
    const bigger = new IdTable(value.length)
    for (let s = 0; s < value.length; s++) if (value[s]! >= 0) bigger.set(low[s]!, high[s]!, value[s]!)
    this.low = bigger.low
    this.high = bigger.high
    this.value = bigger.value
    this.mask = bigger.mask
  }
}

const halves = (ids: BigUint64Array): Uint32Array => new Uint32Array(ids.buffer, ids.byteOffset, ids.length * 2)

/**
 * Dense indices of a volume of ids: `labels[v]` is the place of the voxel's id in `ids`. Place 0 is id 0; the others
 * follow in ascending order of id, so that the result does not depend on the order of the voxels.
 */
export function compactIds(volume: BigUint64Array): { labels: Uint32Array; ids: BigUint64Array } {
  const words = halves(volume)
  const table = new IdTable(1024)
  table.set(0, 0, 0)
  const seen: bigint[] = [0n]
  const labels = new Uint32Array(volume.length)
  let lastLow = 0
  let lastHigh = 0
  let last = 0
  for (let v = 0, w = 0; v < labels.length; v++, w += 2) {
    const lo = words[w]!
    const hi = words[w + 1]!
    if (lo !== lastLow || hi !== lastHigh) {
      last = table.get(lo, hi)
      if (last < 0) {
        last = seen.length
        table.set(lo, hi, last)
        seen.push(volume[v]!)
      }
      lastLow = lo
      lastHigh = hi
    }
    labels[v] = last
  }
  const order = seen.map((_, i) => i).sort((a, b) => (seen[a]! < seen[b]! ? -1 : 1))
  const place = new Uint32Array(seen.length)
  order.forEach((from, to) => (place[from] = to))
  for (let v = 0; v < labels.length; v++) labels[v] = place[labels[v]!]!
  return { labels, ids: BigUint64Array.from(order, i => seen[i]!) }
}

/**
 * The volume with id `from[i]` replaced by `to[i]`; 0 stays 0.
 * @throws RangeError when the volume holds an id that is not in `from`.
 */
export function mapIds(volume: BigUint64Array, from: BigUint64Array, to: BigUint64Array): BigUint64Array<ArrayBuffer> {
  const words = halves(volume)
  const keys = halves(from)
  const values = halves(to)
  const table = new IdTable(from.length)
  for (let i = 0; i < from.length; i++) table.set(keys[2 * i]!, keys[2 * i + 1]!, i)
  const out = new BigUint64Array(volume.length)
  const outWords = halves(out)
  let lastLow = 0
  let lastHigh = 0
  let toLow = 0
  let toHigh = 0
  for (let w = 0; w < words.length; w += 2) {
    const lo = words[w]!
    const hi = words[w + 1]!
    if (lo !== lastLow || hi !== lastHigh) {
      const i = lo === 0 && hi === 0 ? -1 : table.get(lo, hi)
      if (i < 0 && (lo !== 0 || hi !== 0)) throw new RangeError(`id ${volume[w / 2]} is not in the table`)
      toLow = i < 0 ? 0 : values[2 * i]!
      toHigh = i < 0 ? 0 : values[2 * i + 1]!
      lastLow = lo
      lastHigh = hi
    }
    outWords[w] = toLow
    outWords[w + 1] = toHigh
  }
  return out
}

/** How many voxels of a volume have each id; ids ascending, 0 included. */
export function countIds(volume: BigUint64Array): { ids: BigUint64Array; voxels: Float64Array } {
  const { labels, ids } = compactIds(volume)
  const voxels = new Float64Array(ids.length)
  for (let v = 0; v < labels.length; v++) voxels[labels[v]!]!++
  return { ids, voxels }
}
