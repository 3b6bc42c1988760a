// What the grey values of some images are like: the window of deep samples, and which way round they probably are.
import type { Samples } from '../../storage/formats/image.ts'

/** Share of the samples below the lowest and above the highest value that count. */
const TAIL = 0.005
/** Samples that are looked at of each image. */
const MOST = 1 << 16

/**
 * `low` and `high`: between them lie 99 % of the samples; `deep`: they have more than 8 bits; `skew`: to which side of that range the fine
 * structure tends, below 0 dark lines on bright ground, as models expect.
 */
export function greyValues(images: readonly Samples[]) {
  const values = images
    .flatMap(s => {
      const step = Math.max(1, Math.floor(s.length / MOST))
      return Array.from({ length: Math.floor(s.length / step) }, (_, i) => s[i * step]!)
    })
    .filter(Number.isFinite)
    .sort((a, b) => a - b)
  const at = (share: number): number => values[Math.round(share * (values.length - 1))] ?? 0
  const [low, high] = [at(TAIL), at(1 - TAIL)]
  const within = values.filter(v => v > low && v < high)
  const mean = within.reduce((n, v) => n + v, 0) / (within.length || 1)
  const moment = (k: number): number => within.reduce((n, v) => n + (v - mean) ** k, 0) / (within.length || 1)
  return { low, high, deep: !images.every(i => i instanceof Uint8Array), skew: moment(3) / (moment(2) ** 1.5 || 1) }
}
