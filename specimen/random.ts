// Seeded randomness of the phantom: an integer hash of coordinates, and a stream of numbers for sequential building.

/** Mixes two 32-bit integers into one (the finaliser of MurmurHash3 over a multiply-add). */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(b ^ 0x27d4eb2f, 0xc2b2ae35)
  h ^= h >>> 16
  h = Math.imul(h, 0x7feb352d)
  h ^= h >>> 15
  h = Math.imul(h, 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}

/** Uniform in [0, 1) from a key of any number of integers. */
export function unit(...key: readonly number[]): number {
  let h = 0x2545f491
  for (const k of key) h = mix(h, k | 0)
  return h / 4294967296
}

/** Near-normal, mean 0, variance 1 (sum of four uniforms), from a key of any number of integers. */
export function normal(...key: readonly number[]): number {
  return (unit(...key, 1) + unit(...key, 2) + unit(...key, 3) + unit(...key, 4) - 2) * Math.sqrt(3)
}

export interface Stream {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform in [low, high). */
  range(low: number, high: number): number
  /** Near-normal, mean 0, variance 1. */
  normal(): number
}

/** A reproducible stream for one seed and purpose. */
export function stream(seed: number, purpose: number): Stream {
  let counter = 0
  const key = mix(seed | 0, purpose)
  const next = () => mix(key, counter++) / 4294967296
  return {
    next,
    range: (low, high) => low + (high - low) * next(),
    normal: () => (next() + next() + next() + next() - 2) * Math.sqrt(3),
  }
}
