// What an audit does again: the archived histories against the workflow code of this checkout, and a seeded sample of the recorded activities on the workers.
import type { Client } from '@temporalio/client'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { workflowIds } from '../../domain/contract/names.ts'
import type { Recorded, Verdict } from '../../domain/contract/housekeeping.ts'
import type { History } from '../../domain/provenance/history.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { Release } from '../../domain/release.ts'
import { workflowBundle } from '../../worker/workflow-bundle.ts'
import type { audit } from '../../workflows/housekeeping/audit.ts'
import { call } from '../call.ts'

/** Replay holds commands, ids and types equal; what went into activities and came out is for other checks. `error` says why the code would not have done what the history says. */
export async function* replay(histories: AsyncIterable<{ readonly workflowId: string; readonly history: History }>) {
  const quiet = new DefaultLogger('ERROR', () => {})
  Runtime.install({ logger: quiet, telemetryOptions: { logging: { filter: 'OFF', forward: {} } } })
  const code = { workflowBundle: await workflowBundle() }
  for await (const { workflowId, runId, error } of Worker.runReplayHistories(code, histories as never))
    yield { workflowId, runId, error: error && short(error.message) }
}

/** The server core's own words, without the dump of the event that follows them. */
function short(message: string): string {
  const from = message.indexOf('[TMPRL1100]')
  return message.slice(Math.max(0, from)).slice(0, 240)
}

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
