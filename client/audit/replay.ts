// Replay: the archived histories against the workflow code of this checkout.
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import type { History } from '../../domain/provenance/history.ts'
import { workflowBundle } from '../../worker/workflow-bundle.ts'

export interface Replayed {
  readonly workflowId: string
  readonly runId: string
  /** Why the code would not have done what the history says; undefined when it would. */
  readonly error: string | undefined
}

/** Replay holds commands, ids and types equal; what went into activities and came out is for other checks. */
export async function* replay(
  histories: AsyncIterable<{ readonly workflowId: string; readonly history: History }>,
): AsyncGenerator<Replayed> {
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
