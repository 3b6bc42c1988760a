// Where supervoxels start: the maxima of the smoothed distance to the nearest boundary voxel.
import type { Vec3 } from '../types.ts'
import { WasmKernel } from '../wasm.ts'
import { seedsWasm } from '../wasm/seeds.wasm.ts'

/** Distances beyond this, in voxels, are equal: wider things than that need no second seed. */
const CAP = 48
/** Steps per voxel of distance: sums of 81 fit 16 bits. */
const STEPS = 16
const root = Uint16Array.from({ length: CAP * CAP + 1 }, (_, i) => Math.round(STEPS * Math.sqrt(i)))

type Step = (...addressesAndSizes: number[]) => void
type Steps = 'alongX' | 'lower' | 'smoothX' | 'smoothY' | 'smoothZ' | 'largestX' | 'largest' | 'keepTops'
let wasm: WasmKernel<Record<Steps, Step>> | undefined

/**
 * Marks the voxels from which a watershed starts: those that no neighbour of 26 exceeds in smoothed Euclidean distance to
 * the nearest voxel whose `inside` is 0. Maxima in flat places are several voxels that touch.
 */
export function markSeeds(inside: Uint8Array, [sx, sy, sz]: Vec3): Uint8Array {
  wasm ??= new WasmKernel(seedsWasm)
  const n = inside.length
  const plane = sx * sy
  const [seeds, low, value, other, table, line] = wasm.place(n, 4 * n + 32, 4 * n, 4 * n, root.byteLength, 2 * sx + 8)
  const high = low + ((2 * n + 31) & ~15)
  wasm.bytes(seeds, n).set(inside)
  wasm.bytes(table, root.byteLength).set(new Uint8Array(root.buffer))
  const { alongX, lower, smoothX, smoothY, smoothZ, largestX, largest, keepTops } = wasm.call
  const planes = (step: Step, from: number, to: number, bytes: number): void => {
    for (let z = 0; z < sz; z++) step(from + z * plane * bytes, to + z * plane * bytes, sx, sy)
  }
  // The squared distance, 16 bits, one axis after the other.
  alongX(seeds, low, sx, sy * sz, CAP)
  planes(lower, low, high, 2)
  lower(high, low, plane, sz)
  // Its root, smoothed.
  smoothX(low, table, line, sx, sy * sz)
  planes(smoothY, low, high, 2)
  smoothZ(high, value, plane, sz)
  // The largest of it around, 32 bits.
  largestX(value, low, sx, sy * sz)
  planes(largest, low, other, 4)
  largest(other, low, plane, sz)
  keepTops(seeds, value, low, n)
  return wasm.bytes(seeds, n).slice()
}
