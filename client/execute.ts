// Starting a run and following it to its end, whatever happens to the server or the workers in between.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { RunConfig } from '../domain/config.ts'
import { priorities, queues, workflowIds } from '../domain/contract/names.ts'
import type { PatchOf, Progress, RunResult } from '../domain/contract/run.ts'
import * as messages from '../domain/contract/messages.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'
import { plus } from '../domain/slo/counts.ts'
import { configError, errorTable, type ErrorType, HillockError, isHillockError } from '../domain/errors.ts'
import { withoutPaths } from './inputs.ts'
import { runName, slugOf } from './names.ts'
import type { reconstruct } from '../workflows/reconstruct.ts'

export interface Run {
  readonly workflowId: string
  /** Last part of the id. */
  readonly name: string
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

/** Codes of gRPC: cancelled, deadline exceeded, unavailable. */
const LOST: readonly unknown[] = [1, 4, 14]

/** Errors of the connection, not of the workflow: the server is away and comes back. */
const isTransient = (e: unknown): boolean => {
  // Temporal's client wraps what the connection said.
  for (let at = e as (Error & { code?: unknown }) | undefined; at; at = at.cause as typeof at)
    if (LOST.includes(at.code) || /UNAVAILABLE|DEADLINE_EXCEEDED|CANCELLED|ECONN|channel/.test(at.message)) return true
  return false
}

/** Payloads carry references; a list of tiles that is longer belongs into a file of its own. */
const LONGEST = 32 * 1024

/** @param named any text; without one the time, and a number where several start in one second. @throws HillockError ConfigError */
export async function startRun(
  client: Client,
  given: RunConfig,
  named: string | undefined,
  patch?: PatchOf,
): Promise<Run> {
  const config = await withoutPaths(given)
  const size = JSON.stringify(config).length
  if (size > LONGEST)
    throw configError(
      `the run file comes to ${Math.round(size / 1024)} KiB: put its tiles into a JSON file and name that as source.layout`,
    )
  const first = named === undefined ? runName(new Date()) : slugOf('--name', named)
  for (let n = 1; ; n++) {
    const name = n === 1 ? first : `${first}-${n}`
    const workflowId = workflowIds.reconstruct(config.dataset, name)
    try {
      const handle = await client.workflow.start<typeof reconstruct>('reconstruct', {
        workflowId,
        workflowIdReusePolicy: named === undefined ? 'REJECT_DUPLICATE' : 'ALLOW_DUPLICATE',
        taskQueue: queues.workflow,
        args: [{ dataset: config.dataset, run: name, config, ...(patch && { patch }) }],
        staticSummary: `reconstruct ${config.dataset}${named === undefined || named === name ? '' : `: ${named.slice(0, 80)}`}`,
        // Inherited by all that the run starts: two datasets share the workers evenly.
        priority: {
          fairnessKey: config.dataset,
          ...(patch && { priorityKey: priorities.patch }),
          ...(config.share !== undefined && { fairnessWeight: config.share }),
        },
        typedSearchAttributes: attributesOf({ dataset: config.dataset }),
      })
      const run = client.workflow.getHandle<typeof reconstruct>(workflowId, handle.firstExecutionRunId)
      return { workflowId, name, result: resultOf(run) }
    } catch (e) {
      if ((e as Error).name !== 'WorkflowExecutionAlreadyStartedError') throw e
      if (named !== undefined)
        throw configError(`--name ${named}: a run of that name is under way: \`hillock status ${name}\` shows it`)
    }
  }
}

/** The result of a workflow, whatever happens to the server meanwhile. @throws what it failed with. */
export async function resultOf<T>(handle: { result(): Promise<T> }): Promise<T> {
  for (;;)
    try {
      return await handle.result()
    } catch (e) {
      if ((e as Error).name === 'WorkflowFailedError' || !isTransient(e)) throw causeOf(e)
      await sleep(500)
    }
}

/** Who looks on at something long asks less often: every hundredth of its time, at least this often. */
const SELDOM_MS = 10_000

/** Tells how far work is, over and over until it has ended, and once more then. Returns its result. @throws what it failed with */
export async function whileOpen<T>(result: Promise<T>, everyMs: number, tell: () => Promise<void>): Promise<T> {
  const began = Date.now()
  let ended = false
  const settled = result.finally(() => (ended = true)).catch(() => {})
  while (!ended) {
    await tell()
    const wait = Math.min(SELDOM_MS, (Date.now() - began) / 100)
    await Promise.race([settled, sleep(Math.max(everyMs, wait))])
  }
  await tell()
  return result
}

/** The same of a run; undefined while no worker answers. */
export const follow = (
  client: Client,
  { workflowId, result }: Run,
  tell: (progress: Progress | undefined) => void | Promise<void>,
  everyMs = 1000,
): Promise<RunResult> => whileOpen(result, everyMs, async () => tell(await progressOf(client, workflowId)))

/** What the run's progress query says; undefined while no worker or server answers. @throws HillockError ConfigError where the answer cannot be decrypted */
export async function progressOf(client: Client, workflowId: string): Promise<Progress | undefined> {
  try {
    const own = await Promise.race([
      client.workflow.getHandle(workflowId).query(messages.progress),
      sleep(3000).then(() => undefined),
    ])
    if (!own) return undefined
    const under = await Promise.all(own.open.slice(0, FOLLOWED).map(id => progressOf(client, id)))
    return under.reduce<Progress>((sum, p) => (p ? { ...sum, stages: added(sum.stages, p.stages) } : sum), own)
  } catch (e) {
    if (isHillockError(e)) throw e
    return undefined
  }
}

/** Fan-outs asked at each level; those further on have not begun, or count when they end. */
const FOLLOWED = 16

const added = (all: Progress['stages'], more: Progress['stages']): Progress['stages'] =>
  all.map(row => {
    const m = more.find(r => r.stage === row.stage)
    return m ? { ...plus(row, m), ended: Math.max(row.ended, m.ended) } : row
  })
