// A monotone priority queue of voxels with integer keys, the core of the shortest-path searches of skeletons.
import { longer } from '../arrays.ts'

/**
 * Radix heap (Ahuja, Mehlhorn, Orlin & Tarjan 1990). Keys are integers in 0..2^31-1 and never below the last one popped.
 * Of equal keys the one put last comes first. An item that gets a smaller key is put again: who pops skips the
 * entries whose key is no longer the item's. Buckets are plain stacks, because linked lists would miss the cache.
 */
export class RadixQueue {
  /** Key of the item popped last. */
  key = 0
  private readonly items = Array.from({ length: 33 }, () => new Int32Array(256))
  private readonly keys = Array.from({ length: 33 }, () => new Int32Array(256))
  private readonly sizes = new Int32Array(33)

  /** Forgets what is waiting and lets keys start at 0 again. */
  restart(): void {
    this.key = 0
    this.sizes.fill(0)
  }

  put(item: number, key: number): void {
    const bucket = 32 - Math.clz32(key ^ this.key)
    const size = this.sizes[bucket]!
    if (size === this.items[bucket]!.length)
      for (const column of [this.items, this.keys]) column[bucket] = longer(column[bucket]!)
    this.items[bucket]![size] = item
    this.keys[bucket]![size] = key
    this.sizes[bucket] = size + 1
  }

  /** Takes an item with the smallest key; -1 if there is none. */
  pop(): number {
    const { sizes } = this
    if (sizes[0] === 0 && !this.refill()) return -1
    return this.items[0]![--sizes[0]!]!
  }

  /** Spreads the lowest bucket that is not empty over those below it. */
  private refill(): boolean {
    const { sizes } = this
    let bucket = 1
    while (bucket < 33 && sizes[bucket] === 0) bucket++
    if (bucket === 33) return false
    const items = this.items[bucket]!
    const keys = this.keys[bucket]!
    const size = sizes[bucket]!
    let least = keys[0]!
    for (let i = 1; i < size; i++) if (keys[i]! < least) least = keys[i]!
    this.key = least
    sizes[bucket] = 0
    for (let i = 0; i < size; i++) this.put(items[i]!, keys[i]!)
    return true
  }
}
