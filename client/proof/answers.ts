// What an activity told of an artifact: the digest of its record, and what else its answer repeats of that.
import type { Outcome } from '../../domain/contract/artifacts.ts'
import type { ActivityCall, Execution } from '../../domain/provenance/history.ts'
import type { Lineage } from '../../domain/lineage.ts'
import type { Digest } from '../../domain/recipe.ts'

export interface Tale {
  /** The activity, for people. */
  readonly by: string
  readonly record: Digest
  /** The record as it would be by what was told. */
  readonly as: (found: Lineage) => Lineage
}

/** @param runs run ids under which the activities of its history ran. */
export function taleOf(
  { id, attempt = Infinity, result }: ActivityCall,
  { workflowId, runId }: Execution,
  runs: ReadonlySet<string>,
  record: Digest,
): Tale {
  const by = `${id} of ${workflowId}`
  const { ref, made, voxels, cost, seconds, holes } = result as Outcome
  // The answer of a batch repeats nothing of any single one.
  if (!ref) return { by, record, as: found => found }
  const whole = (found: Lineage): Lineage => ({ ...found, summary: { ...found.summary, holes: holes as never } })
  if (!made) return { by, record, as: whole }
  const as = (found: Lineage): Lineage => ({
    ...whole(found),
    workflowId,
    runId: runs.has(found.runId) ? found.runId : runId,
    // One before may have made it, and this one have found it.
    attempt: Math.min(found.attempt, attempt),
    end: new Date(Date.parse(found.start) + Math.round(seconds * 1000)).toISOString(),
    voxels,
    cost,
  })
  return { by, record, as }
}
