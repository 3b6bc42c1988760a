// `hillock status`: how far a run is, or which runs there are.
import { scopeName } from '../../domain/control.ts'
import { home } from '../../worker/home.ts'
import { onRunningStack } from '../call.ts'
import { waitingLines } from '../operator.ts'
import { progressLine, say, type JsonOption } from '../report.ts'
import { reasonOf, runs, statusOf, type RunRow } from '../runs.ts'
import { troublesHere, troublesOf } from '../processes/troubles.ts'

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
