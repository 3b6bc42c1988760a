// Calling a workflow: on the running stack, started first where there is none, until it has ended.
import { join } from 'node:path'
import type { Client, Connection, Workflow, WorkflowResultType } from '@temporalio/client'
import { priorities, queues } from '../domain/contract/names.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'
import { configError } from '../domain/errors.ts'
import { setting } from '../domain/settings.ts'
import { home, type StackRecord } from '../worker/home.ts'
import { checkNamespace } from '../worker/namespace.ts'
import { connect } from './connection.ts'
import { causeOf, resultOf } from './execute.ts'
import { lookAtQueues, unreadable } from './processes/builds.ts'
import { ensureStack, runningStack, stackElsewhere } from './processes/stack.ts'

/** A connection to what works here or elsewhere, else to a stack that is started; `started` says whether this call did it. @throws HillockError ConfigError */
export async function onStack(): Promise<{ client: Client; stack: StackRecord; started: boolean }> {
  const elsewhere = stackElsewhere()
  if (elsewhere) {
    const { root, bucket } = home()
    if (bucket === join(root, 'bucket') && setting('HILLOCK_BUCKET') === undefined)
      throw configError(
        `Temporal at ${elsewhere.temporal} is configured, but not the bucket that its workers work on: set HILLOCK_BUCKET (or \`hillock up\` has workers here)`,
      )
    return { ...(await checked(elsewhere)), started: false }
  }
  const { stack, started } = await ensureStack()
  return { client: await connect(stack.temporal), stack, started }
}

/** The same without starting anything. @throws Error where nothing is up */
export async function onRunningStack(): Promise<{ client: Client; stack: StackRecord }> {
  const elsewhere = stackElsewhere()
  if (elsewhere) return checked(elsewhere)
  const stack = runningStack()
  return { client: await connect(stack.temporal), stack }
}

/** Nobody else looks after what is elsewhere: what it lacks is said at once. */
async function checked(stack: StackRecord): Promise<{ client: Client; stack: StackRecord }> {
  const client = await connect(stack.temporal)
  await checkNamespace(client.connection as Connection)
  const found = await lookAtQueues(client)
  const { here, there } = unreadable(found)
  for (const line of [...found.flatMap(q => q.unserved ?? []), ...here, ...there]) console.error(line)
  return { client, stack }
}

/** The result of a workflow, whatever happens to the server meanwhile; `join` follows the one of that id that is under way, instead of refusing. @throws what it failed with, as an error of Hillock where it is one */
export async function call<W extends Workflow>(
  client: Client,
  type: string,
  workflowId: string,
  args: Parameters<W>,
  about: { dataset?: string; release?: string; summary?: string; join?: boolean },
): Promise<WorkflowResultType<W>> {
  const { dataset, release, summary, join } = about
  const options = {
    workflowId,
    taskQueue: queues.workflow,
    args,
    ...(summary !== undefined && { staticSummary: summary }),
    priority: { priorityKey: priorities.housekeeping, ...(dataset !== undefined && { fairnessKey: dataset }) },
    ...(join && { workflowIdConflictPolicy: 'USE_EXISTING' as const }),
    typedSearchAttributes: attributesOf({ dataset, release }),
  }
  const started = client.workflow.start<W>(type, options as never).catch((e: unknown) => {
    throw causeOf(e)
  })
  return resultOf(await started)
}
