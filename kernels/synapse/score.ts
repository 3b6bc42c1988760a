// Found synapses against true ones: one-to-one by distance, then whether the partners are the right way round.
import type { Box } from '../types.ts'

/** `pre`, `post`: true neurites on either side, 0 where none is known. */
export type ScoredSynapse = Readonly<Record<'x' | 'y' | 'z' | 'pre' | 'post', number>>

export interface SynapseScores {
  readonly synapsePrecision: number
  readonly synapseRecall: number
  readonly synapseF1: number
  /** Of the matched ones, the fraction with the right neurite before and behind. */
  readonly partnerAccuracy: number
}

/**
 * Pairs at most `maxDistance` voxels apart are matched nearest first; ties by order. Empty against empty scores 1. Outside
 * `listed`, the box in which the truth lists everything, a found synapse that matches nothing does not count.
 */
export function scoreSynapses(
  found: readonly ScoredSynapse[],
  truth: readonly ScoredSynapse[],
  maxDistance: number,
  listed?: Box,
): SynapseScores {
  const pairs: { f: number; t: number; d: number }[] = []
  for (const [f, a] of found.entries())
    for (const [t, b] of truth.entries()) {
      const d = Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z)
      if (d <= maxDistance) pairs.push({ f, t, d })
    }
  pairs.sort((p, q) => p.d - q.d || p.f - q.f || p.t - q.t)
  const taken = { f: new Set<number>(), t: new Set<number>() }
  let right = 0
  for (const { f, t } of pairs) {
    if (taken.f.has(f) || taken.t.has(t)) continue
    taken.f.add(f)
    taken.t.add(t)
    if (found[f]!.pre === truth[t]!.pre && found[f]!.post === truth[t]!.post) right++
  }
  const hits = taken.f.size
  const counted = found.filter((s, f) => taken.f.has(f) || !listed || within(s, listed)).length
  const precision = counted ? hits / counted : truth.length ? 0 : 1
  const recall = truth.length ? hits / truth.length : 1
  return {
    synapsePrecision: precision,
    synapseRecall: recall,
    synapseF1: precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0,
    partnerAccuracy: hits ? right / hits : 0,
  }
}

const within = ({ x, y, z }: ScoredSynapse, { min, max }: Box): boolean =>
  [x, y, z].every((v, a) => v >= min[a]! && v < max[a]!)
