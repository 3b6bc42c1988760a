// Starting a run and following it to its end, whatever happens to the server or the workers in between.
import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowFailedError, type Client } from '@temporalio/client'
import type { RunConfig } from '../domain/config.ts'
import { queries, queues, workflowIds, type Progress, type RunResult } from '../domain/contract.ts'
import { errorTable, HillockError, type ErrorType } from '../domain/errors.ts'
import type { reconstruct } from '../workflows/reconstruct.ts'

export interface Run {
  readonly workflowId: string
  readonly result: Promise<RunResult>
}

/** The innermost cause of a failure; as an error of Hillock where the chain names a type of the error table. */
export function causeOf(e: unknown): Error {
  let at = e as Error
  let known: HillockError | undefined
  for (;;) {
    const type = (at as { type?: unknown }).type
    if (typeof type === 'string' && type in errorTable) known = new HillockError(type as ErrorType, at.message)
    if (!(at.cause instanceof Error)) return known ?? at
    at = at.cause
  }
}

/** Errors of the connection, not of the workflow: the server is away and comes back. */
const isTransient = (e: unknown): boolean =>
  /UNAVAILABLE|DEADLINE_EXCEEDED|CANCELLED|ECONN|channel|14 |4 /.test(String((e as { code?: number }).code) + String(e))

export async function startRun(client: Client, config: RunConfig, name: string): Promise<Run> {
  const workflowId = workflowIds.reconstruct(config.dataset, name)
  const handle = await client.workflow.start<typeof reconstruct>('reconstruct', {
    workflowId,
    taskQueue: queues.workflow,
    args: [{ dataset: config.dataset, run: name, config }],
    staticSummary: `reconstruct ${config.dataset}`,
    searchAttributes: { HillockDataset: [config.dataset] },
  })
  const result = async (): Promise<RunResult> => {
    for (;;)
      try {
        return await client.workflow.getHandle<typeof reconstruct>(workflowId, handle.firstExecutionRunId).result()
      } catch (e) {
        if (e instanceof WorkflowFailedError || !isTransient(e)) throw causeOf(e)
        await sleep(500)
      }
  }
  return { workflowId, result: result() }
}

/** What the run's progress query says; undefined while no worker or server answers. */
export async function progressOf(client: Client, workflowId: string): Promise<Progress | undefined> {
  try {
    return await Promise.race([
      client.workflow.getHandle(workflowId).query<Progress>(queries.progress),
      sleep(3000).then(() => undefined),
    ])
  } catch {
    return undefined
  }
}

/** `20261123-014500`, in UTC. */
export const runName = (at: Date): string => at.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15)
