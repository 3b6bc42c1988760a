// Runs as Temporal lists them, and one of them with its run file, how far it is and what it waits for.
import type { Client } from '@temporalio/client'
import { configError } from '../domain/errors.ts'
import { searchAttributes } from '../domain/contract/search-attributes.ts'
import type { ReconstructInput } from '../domain/contract/run.ts'
import { valueOf } from '../storage/encryption.ts'
import { causeOf, progressOf } from './execute.ts'
import { isCalled } from './names.ts'
import { waiting } from './operator.ts'

export interface RunRow {
  readonly workflowId: string
  readonly status: string
  readonly start: string
  readonly end: string | null
}

/** The newest first. @param most that are listed, of those that began last */
export async function runs(client: Client, most = Infinity): Promise<RunRow[]> {
  const rows: RunRow[] = []
  for await (const w of client.workflow.list({ query: 'WorkflowType = "reconstruct"' })) {
    rows.push({
      workflowId: w.workflowId,
      status: w.status.name,
      start: w.startTime.toISOString(),
      end: w.closeTime?.toISOString() ?? null,
    })
    if (rows.length >= most) break
  }
  return rows.sort((a, b) => (a.start < b.start ? 1 : -1))
}

function pick(rows: readonly RunRow[], run: string | undefined): RunRow {
  const found = run === undefined ? rows[0] : rows.find(r => isCalled(r.workflowId, run))
  if (!found)
    throw configError(
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
export const reasonOf = (client: Client, workflowId: string): Promise<string | null> =>
  client.workflow
    .getHandle(workflowId)
    .result()
    .then(
      () => null,
      (e: unknown) => causeOf(e).message,
    )

/** A workflow by its id, with the release that it is about; undefined where there is none (any more). */
export async function describe(client: Client, workflowId: string) {
  try {
    const d = await client.workflow.getHandle(workflowId).describe()
    const release = d.typedSearchAttributes.get(searchAttributes.release) ?? null
    return { runId: d.runId, status: d.status.name, start: d.startTime, end: d.closeTime ?? null, release }
  } catch (e) {
    if ((e as Error).name === 'WorkflowNotFoundError') return undefined
    throw e
  }
}

/** What a run was started with, from the first event of its history. */
export async function inputOf(client: Client, workflowId: string, runId: string): Promise<ReconstructInput> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  })
  const begun = history!.events![0]!.workflowExecutionStartedEventAttributes!
  return valueOf(begun.input) as ReconstructInput
}
