// `hillock gc plan|run`: lists, and after a time of grace deletes, what no release, channel or running workflow names.
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client'
import type { Collected, CollectTask } from '../../domain/contract/housekeeping.ts'
import { configError } from '../../domain/errors.ts'
import type { gc } from '../../workflows/housekeeping/gc.ts'
import { call, onStack } from '../call.ts'
import { secondsOf } from '../numbers.ts'
import { say, type JsonOption } from '../report.ts'

async function execute(task: CollectTask | null): Promise<Collected> {
  const { client } = await onStack()
  const summary = task ? 'deletes what nothing names' : 'lists what nothing names'
  // One at a time: its id is always the same.
  return call<typeof gc>(client, 'gc', 'gc', [task], { summary }).catch((e: unknown) => {
    if (e instanceof WorkflowExecutionAlreadyStartedError)
      throw configError('another collection is under way: wait until workflow `gc` has ended')
    throw e
  })
}

const counts = (c: Collected): string =>
  `${c.artifacts} artifacts, ${c.raw} objects of the raw archive, ${c.memo} notes of the cache`

const finish = (c: Collected, o: JsonOption, lines: readonly string[]): void => {
  const damaged = `the raw archive is left alone, for something of a release cannot be read: ${c.damaged}`
  say(o, c, [...lines, ...(c.damaged ? [damaged] : [])])
}

export async function plan(o: JsonOption): Promise<void> {
  const c = await execute(null)
  finish(c, o, [
    `named by nothing: ${counts(c)}`,
    `list ${c.list}; \`hillock gc run\` deletes what of it is still unnamed after the time of grace`,
  ])
}

export async function run(o: JsonOption & { grace: string }): Promise<void> {
  const c = await execute({ graceSeconds: secondsOf('--grace', o.grace, 0) })
  finish(c, o, [`deleted: ${counts(c)}`])
}
