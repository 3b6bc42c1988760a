// A pool of volume memory: what one volume no longer needs serves the next, for fresh pages of the operating system take longer than decoding into them.
import { bytesPerVoxel, newVolume, type DataType, type VolumeArray } from './chunk.ts'

/** Bytes and buffers that wait in the pool of a process at most; what was released first goes first. */
const [KEPT, MOST] = [2 ** 27, 32]
/** Smaller buffers are soon made anew. */
export const LEAST = 2 ** 20

const free: ArrayBuffer[] = []

/** A volume from the pool where that has memory for it: of 0 if `zeroed`, else of any values. Its buffer may be up to twice as long as it. */
export function pooledVolume<D extends DataType>(dtype: D, length: number, zeroed: boolean): VolumeArray<D> {
  const bytes = length * bytesPerVoxel(dtype)
  let best = -1
  for (const [i, { byteLength }] of free.entries())
    if (byteLength >= bytes && byteLength <= 2 * bytes && (best < 0 || byteLength < free[best]!.byteLength)) best = i
  if (best < 0) return newVolume(dtype, length)
  const [memory] = free.splice(best, 1)
  if (zeroed) new Uint8Array(memory!, 0, bytes).fill(0)
  return newVolume(dtype, length, memory)
}

/** Gives memory that nobody reads any more to the pool: volumes that still look at it are empty from here on. */
export function release(memory: ArrayBuffer): void {
  // It alone would push out all that waits, and itself.
  if (memory.byteLength > KEPT) return void memory.transfer(0)
  free.push(memory.transfer())
  for (let sum = free.reduce((n, b) => n + b.byteLength, 0); sum > KEPT || free.length > MOST;) {
    const oldest = free.shift()!
    sum -= oldest.byteLength
    oldest.transfer(0)
  }
}
