// The connection of the command line and of programs to Temporal: its address from the running stack or the environment.
import type { Client } from '@temporalio/client'

/** Workflows that this process has started; `shown` once it tells by itself how far they are. */
export const following = { ids: new Set<string>(), shown: false }

export async function connect(address: string): Promise<Client> {
  // Half a second to load, which commands that only read the bucket need not wait for.
  const { Client, Connection } = await import('@temporalio/client')
  const connection = await Connection.connect({ address, connectTimeout: '10s' })
  return new Client({
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
}
