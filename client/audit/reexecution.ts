// Re-execution: a seeded sample of the recorded activities, page by page, on the workers.
import type { Client } from '@temporalio/client'
import { workflowIds } from '../../domain/contract/names.ts'
import type { Recorded, Verdict } from '../../domain/contract/housekeeping.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { Release } from '../../domain/release.ts'
import type { audit } from '../../workflows/housekeeping/audit.ts'
import { call } from '../call.ts'

/** Activities per workflow: input and result stay far below the limit of a payload. */
const PAGE = 25

/** The same seed, the same sample: those whose digest together with the seed is lowest. */
export function sampleOf(recorded: readonly Recorded[], count: number, seed: string): Recorded[] {
  const rank = (r: Recorded): string => sha256(`${seed} ${r.digest} ${r.event}`)
  const ranked = recorded.map(r => ({ r, rank: rank(r) })).sort((a, b) => (a.rank < b.rank ? -1 : 1))
  return ranked.slice(0, count).map(x => x.r)
}

export async function* reexecute(
  client: Client,
  { dataset, release }: Release,
  name: string,
  chosen: readonly Recorded[],
): AsyncGenerator<Verdict> {
  for (let i = 0; i < chosen.length; i += PAGE)
    yield* await call<typeof audit>(
      client,
      'audit',
      workflowIds.audit(dataset, release, name, i / PAGE),
      [chosen.slice(i, i + PAGE)],
      { dataset, release, summary: `executes again what made ${dataset}/${release}` },
    )
}
