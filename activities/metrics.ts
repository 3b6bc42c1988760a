// The figures of `hillock slo` as Prometheus metrics, counted where they arise.
import { Context } from '@temporalio/activity'
import type { RunConfig } from '../domain/config.ts'
import { HANDED, type Failure } from '../domain/contract/artifacts.ts'
import type { Lineage } from '../domain/lineage.ts'
import type { StageName } from '../domain/stages.ts'

const count = (name: string, value: number, tags: Record<string, string>): void =>
  Context.current().metricMeter.createCounter(name).add(Math.round(value), tags)
const set = (name: string, value: number, tags: Record<string, string>): void =>
  Context.current().metricMeter.createGauge(name, 'float').set(value, tags)

/** Counters hold whole numbers, hence milliseconds and billionths of the currency. */
export function tellArtifact(
  stage: StageName,
  { lineage }: { lineage: Lineage },
  made: boolean,
  config: RunConfig,
): void {
  count('hillock_artifacts', 1, { stage, result: made ? 'made' : 'found' })
  const target = config.slo.mvoxelPerSecond[stage]
  if (target !== undefined) set('hillock_target_mvoxel_per_second', target, { stage })
  for (const [measure, value] of Object.entries((lineage.summary['quality'] ?? {}) as Record<string, number>))
    set('hillock_quality', value, { dataset: config.dataset, measure })
  if (!made) return
  count('hillock_voxels', lineage.voxels, { stage })
  count('hillock_stored_bytes', lineage.bytes, { stage })
  count('hillock_cost_nanos', lineage.cost * 1e9, { stage })
  for (const [kind, seconds] of Object.entries(lineage.seconds))
    count('hillock_busy_milliseconds', seconds * 1000, { stage, kind })
  const holes = lineage.summary['holes']
  if (Array.isArray(holes)) count('hillock_holes', holes.length, { stage })
}

/**
 * An attempt is over; `failing` says whether the last failure is its own. One that was handed over counts by itself. What has not happened is counted as nought, for a
 * counter that is born with its first event has no increase that could be seen.
 */
export function tellAttempt(
  stage: string,
  failures: readonly Failure[],
  failing: boolean,
  requests: Readonly<Record<string, number>>,
): void {
  const last = failing ? failures.at(-1)!.type : undefined
  const handed = last === HANDED
  const failed = failing && !handed
  count('hillock_handed_over_attempts', handed ? 1 : 0, { stage })
  count('hillock_attempts', handed ? 0 : 1, { stage })
  count('hillock_failed_attempts', failed ? 1 : 0, { stage })
  if (failed) count('hillock_failures', 1, { stage, type: last! })
  const first = failing ? undefined : failures.find(f => f.type !== HANDED)
  count('hillock_recoveries', first ? 1 : 0, { stage })
  count('hillock_recovery_milliseconds', first ? Date.now() - first.at : 0, { stage })
  for (const [what, n] of Object.entries(requests)) {
    const [prefix, operation, figure] = what.split(' ').reverse() as [string, string, string?]
    const add = (name: string, counted: string | undefined): void =>
      count(name, figure === counted ? n : 0, { operation, prefix })
    add('hillock_store_requests', undefined)
    add('hillock_failed_store_requests', 'failed')
    add('hillock_throttled_store_requests', 'throttled')
    add('hillock_store_bytes', 'bytes')
    add('hillock_store_milliseconds', 'ms')
  }
}
