// Starting a rollback and following it: what each step does, and what a reader of the channel sees meanwhile.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client'
import { priorities, queues, workflowIds } from '../domain/contract/names.ts'
import type { RollbackInput, RollbackResult } from '../domain/contract/rollback.ts'
import { rollbackSteps } from '../domain/releases/rollback-steps.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'
import * as messages from '../domain/contract/messages.ts'
import type { rollback } from '../workflows/rollback.ts'
import { bucket, channelsOf } from './catalogue.ts'
import { resultOf } from './execute.ts'
import { announcer } from './operator.ts'

type Handle = WorkflowHandleWithFirstExecutionRunId<typeof rollback>

/** One rollback of a release at a time: a second call follows the first. */
export const startRollback = (client: Client, input: RollbackInput): Promise<Handle> =>
  client.workflow.start<typeof rollback>('rollback', {
    workflowId: workflowIds.rollback(input.dataset, input.channel, input.from),
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue: queues.workflow,
    args: [input],
    staticSummary: `rollback of ${input.from}: ${input.reason}`,
    priority: { fairnessKey: input.dataset, priorityKey: priorities.rollback },
    typedSearchAttributes: attributesOf({ dataset: input.dataset, release: input.from }),
  })

const does = new Map(Object.values(rollbackSteps).map(s => [s.name, s.does]))

/** Starts a rollback, or joins the one under way; tells of every step that changes its state, and what the channel names then. @throws HillockError what the rollback failed with. */
export async function rollBack(
  client: Client,
  input: RollbackInput,
  tell: (line: string) => void,
): Promise<RollbackResult> {
  const { dataset, channel, from } = input
  const handle = await startRollback(client, input)
  const objects = bucket()
  const told = new Map<string, string>()
  let sees = ''
  const show = async (): Promise<void> => {
    const steps = await Promise.race([handle.query(messages.saga), sleep(3000, [])]).catch(() => [])
    for (const s of steps) {
      if (told.get(s.name) === s.state) continue
      told.set(s.name, s.state)
      const why = ['failed', 'stuck'].includes(s.state) && s.error ? `: ${s.error}` : ''
      tell(
        `${s.name.padEnd(16)} ${s.state}${why}${s.state === 'running' && does.has(s.name) ? `  (${does.get(s.name)})` : ''}`,
      )
    }
    const now = (await channelsOf(objects, dataset))[channel]?.release ?? 'nothing'
    if (now !== sees) tell(`  a reader of ${dataset}/${channel} sees ${now}`)
    sees = now
  }
  const announce = announcer(client, id => id.includes(`/${dataset}/`) && id.includes(from), tell)
  let ended = false
  const result = resultOf(handle).finally(() => (ended = true))
  const settled = result.catch(() => {})
  while (!ended) {
    await show()
    await announce()
    await Promise.race([settled, sleep(500)])
  }
  await show()
  return result
}
