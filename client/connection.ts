// The connection of the command line and of programs to Temporal: its address from the running stack or the environment.
import type { Client } from '@temporalio/client'
import { resultOf } from './execute.ts'

/** Workflows that this process has started; `shown` once it tells by itself how far they are. */
export const following = { ids: new Set<string>(), shown: false }

export async function connect(address: string): Promise<Client> {
  // Half a second to load, which commands that only read the bucket need not wait for.
  const { Client, Connection } = await import('@temporalio/client')
  const connection = await Connection.connect({ address, connectTimeout: '10s' })
  const client = new Client({
    connection,
    namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default',
    interceptors: {
      workflow: [
        {
          start: (input, next) => {
            following.ids.add(input.options.workflowId)
            return next(input)
          },
        },
      ],
    },
  })
  // Where a command waits for a result, the server may go and come back meanwhile.
  const execute: typeof client.workflow.execute = async (type, options) =>
    resultOf(await client.workflow.start(type, options))
  return Object.assign(client, { workflow: Object.assign(client.workflow, { execute }) })
}
