// `hillock status`: how far a run is, or which runs there are.
import type { Client } from '@temporalio/client'
import { scopeName } from '../../domain/control.ts'
import { HillockError } from '../../domain/errors.ts'
import { home } from '../../worker/home.ts'
import { onRunningStack } from '../call.ts'
import { causeOf, progressOf } from '../execute.ts'
import { isCalled } from '../names.ts'
import { waiting, waitingLines } from '../operator.ts'
import { progressLine, say, type JsonOption } from '../report.ts'
import { troublesHere, troublesOf } from '../processes/troubles.ts'

interface RunRow {
  readonly workflowId: string
  readonly status: string
  readonly start: string
  readonly end: string | null
}

async function runs(client: Client): Promise<RunRow[]> {
  const rows: RunRow[] = []
  for await (const w of client.workflow.list({ query: 'WorkflowType = "reconstruct"' }))
    rows.push({
      workflowId: w.workflowId,
      status: w.status.name,
      start: w.startTime.toISOString(),
      end: w.closeTime?.toISOString() ?? null,
    })
  return rows.sort((a, b) => (a.start < b.start ? 1 : -1))
}

function pick(rows: readonly RunRow[], run: string | undefined): RunRow {
  const found = run === undefined ? rows[0] : rows.find(r => isCalled(r.workflowId, run))
  if (!found)
    throw new HillockError(
      'ConfigError',
      run === undefined ? 'there is no run yet' : `no run is called ${run}; \`hillock status --all\` lists them`,
    )
  return found
}

/** The run that a name means: its workflow id or the last part of it. @throws HillockError ConfigError */
export const findRun = async (client: Client, run: string): Promise<RunRow> => pick(await runs(client), run)

/** A run (default: the newest) with its progress and what it waits for. @throws HillockError ConfigError where there is none of that name */
export async function statusOf(client: Client, run: string | undefined) {
  const chosen = pick(await runs(client), run)
  const [progress, waits] = await Promise.all([progressOf(client, chosen.workflowId), waiting(client)])
  return { run: chosen, progress, waits }
}

/** Why a run that has ended did not end well. */
const reasonOf = (client: Client, workflowId: string): Promise<string | null> =>
  client.workflow
    .getHandle(workflowId)
    .result()
    .then(
      () => null,
      (e: unknown) => causeOf(e).message,
    )

export async function status(run: string | undefined, o: JsonOption & { all?: boolean }): Promise<void> {
  const { client, stack } = await onRunningStack()
  if (o.all) {
    const rows = await runs(client)
    const line = (r: RunRow): string => `${r.status.padEnd(10)} ${r.start.slice(0, 19)}  ${r.workflowId}`
    return say(o, { runs: rows }, rows.map(line))
  }
  const { run: chosen, progress, waits } = await statusOf(client, run)
  const open = chosen.status === 'RUNNING'
  const reason = open || chosen.status === 'COMPLETED' ? null : await reasonOf(client, chosen.workflowId)
  const troubles = [
    ...(await troublesHere(home(), stack)),
    ...(open ? await troublesOf(client, stack.temporal, [chosen.workflowId]) : []),
  ]
  say(o, { ...chosen, ...progress, reason, troubles, waiting: waits, processes: stack.children }, [
    `${chosen.workflowId}: ${chosen.status}${reason ? `: ${reason}` : ''}${progress ? `, phase ${progress.phase}` : ''}`,
    ...(progress?.pauses ?? []).map(p => `PAUSED: ${scopeName(p)}, by ${p.by}: ${p.reason}`),
    ...(progress?.stages ?? []).map(r => progressLine(r, Date.now())),
    ...(progress ? [] : ['no worker answers the progress query just now']),
    ...troubles,
    ...waitingLines(waits),
  ])
}
