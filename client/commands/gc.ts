// `hillock gc plan|run`: lists, and after a time of grace deletes, what no release, channel or running workflow names.
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client'
import { queues, type Collected, type CollectTask } from '../../domain/contract.ts'
import { HillockError } from '../../domain/errors.ts'
import type { gc } from '../../workflows/gc.ts'
import { connect } from '../connection.ts'
import { causeOf } from '../execute.ts'
import { secondsOf } from '../numbers.ts'
import { ensureStack } from '../stack.ts'

interface Options {
  readonly json?: boolean
}

async function execute(task: CollectTask | null): Promise<Collected> {
  const { stack } = await ensureStack()
  const client = await connect(stack.temporal)
  return client.workflow
    .execute<typeof gc>('gc', {
      // One at a time.
      workflowId: 'gc',
      taskQueue: queues.workflow,
      args: [task],
      staticSummary: task ? 'deletes what nothing names' : 'lists what nothing names',
    })
    .catch((e: unknown) => {
      if (e instanceof WorkflowExecutionAlreadyStartedError)
        throw new HillockError('ConfigError', 'another collection is under way: wait until workflow `gc` has ended')
      throw causeOf(e)
    })
}

const counts = (c: Collected): string =>
  `${c.artifacts} artifacts, ${c.raw} objects of the raw archive, ${c.memo} memories of pages`

const finish = (c: Collected, o: Options, lines: readonly string[]): never => {
  if (o.json) console.log(JSON.stringify(c))
  else for (const line of lines) console.log(line)
  if (!o.json && c.damaged)
    console.log(`the raw archive is left alone, for something of a release cannot be read: ${c.damaged}`)
  process.exit(0)
}

export async function plan(o: Options): Promise<void> {
  const c = await execute(null)
  finish(c, o, [
    `named by nothing: ${counts(c)}`,
    `list ${c.list}; \`hillock gc run\` deletes what of it is still unnamed after the time of grace`,
  ])
}

export async function run(o: Options & { grace: string }): Promise<void> {
  const c = await execute({ graceSeconds: secondsOf('--grace', o.grace, 0) })
  finish(c, o, [`deleted: ${counts(c)}`])
}
