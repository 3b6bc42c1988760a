// What the grey values of some images are like: the window of deep samples, and which way round they probably are.
import type { Samples } from '../../storage/formats/image.ts'

export interface GreyValues {
  /** Values below and above which half a per cent of the samples lie. */
  readonly low: number
  readonly high: number
  /** More than 8 bits. */
  readonly deep: boolean
  /** Beside that range, which of its sides the fine structure tends to: below 0 dark lines on bright ground, as models expect. */
  readonly skew: number
}

const TAIL = 0.005
/** Samples that are looked at of each image. */
const MOST = 1 << 16

export function greyValues(images: readonly Samples[]): GreyValues {
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
