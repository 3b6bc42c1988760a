// Counts of a stage: how one artifact counts, and how counts add up.
import type { Outcome } from '../contract/artifacts.ts'
import type { StageCount, StageProgress } from '../contract/run.ts'
import type { StageName } from '../stages.ts'

const none = { made: 0, found: 0, quarantined: 0, retries: 0, seconds: 0, voxels: 0, cost: 0 }
const FIGURES = Object.keys(none) as (keyof typeof none)[]

export const noCount = (stage: StageName): StageCount => ({ stage, ...none })

export const countOf = (o: Outcome): StageCount => ({
  stage: o.stage,
  made: o.made ? 1 : 0,
  found: o.made ? 0 : 1,
  quarantined: o.holes.length,
  retries: o.retries,
  seconds: o.seconds,
  voxels: o.voxels,
  cost: o.cost,
})

/** `a` with the figures of `b` on top; what else `a` holds stays. */
export const plus = <T extends StageCount>(a: T, b: StageCount): T => ({
  ...a,
  ...Object.fromEntries(FIGURES.map(figure => [figure, a[figure] + b[figure]])),
})

/** What takes off what a later walk will count once more, as found. */
export const foundAgain = (c: StageCount): StageCount => ({
  ...noCount(c.stage),
  found: -c.made - c.found,
  quarantined: -c.quarantined,
})

/** Counts by stage, in the order in which the stages came. */
export function summed(counts: readonly StageCount[]): StageCount[] {
  const rows = new Map<StageName, StageCount>()
  for (const c of counts) {
    const r = rows.get(c.stage)
    rows.set(c.stage, r ? plus(r, c) : c)
  }
  return [...rows.values()]
}

/** Share of a stage that is done. */
export const shareDone = (r: StageProgress): number => (r.total > 0 ? Math.min(1, (r.made + r.found) / r.total) : 1)

/** Seconds that a stage took, or at its speed so far will take from `now` on; null where nothing of it is done yet. */
export function secondsOf(r: StageProgress, now: number): { readonly took: number } | { readonly left: number } | null {
  const part = shareDone(r)
  const elapsed = ((part >= 1 && r.ended ? r.ended : now) - r.started) / 1000
  if (part >= 1) return { took: elapsed }
  return r.made + r.found <= 0 ? null : { left: (elapsed * (1 - part)) / part }
}
