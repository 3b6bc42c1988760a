// The artifacts that a stage activity answered with: one by itself, or those of a batch, listed in the raw archive.
import type { BatchOutcome, Outcome } from '../../domain/contract/artifacts.ts'
import type { IndexEntry, IndexNode } from '../../domain/index/index-node.ts'
import type { ActivityCall } from '../../domain/provenance/history.ts'
import type { Digest } from '../../domain/recipe.ts'
import type { ObjectStore } from '../object-store.ts'
import { getRaw } from '../raw.ts'

export interface Answer {
  readonly entries: readonly IndexEntry[]
  /** How many of them the activity made; the others it found. */
  readonly made: number
  /** Digests of their lineage records; none in histories recorded before they were told. */
  readonly records: readonly Digest[]
}

/** @throws HillockError MissingArtifact when the list is gone or damaged. */
export async function answerOf(
  objects: ObjectStore,
  { type, result }: Pick<ActivityCall, 'type' | 'result'>,
): Promise<Answer> {
  const r = result as Outcome | BatchOutcome
  if ('ref' in r)
    return {
      entries: [{ stage: r.stage, cell: r.key, ref: r.ref }],
      made: r.made ? 1 : 0,
      records: r.record ? [r.record] : [],
    }
  const page = JSON.parse(Buffer.from(await getRaw(objects, r.page)).toString()) as IndexNode
  return {
    entries: page.entries.filter(e => e.stage === type),
    made: r.counts.reduce((n, c) => n + c.made, 0),
    records: r.records ?? [],
  }
}
