// The client of the command line and of programs.
import type { Client } from '@temporalio/client'
import { payloadCodec } from '../storage/encryption.ts'
import { connectTo } from '../worker/connection.ts'
import { temporalConfig } from '../worker/temporal-config.ts'
import { tracing } from '../worker/tracing.ts'

export { temporalConfig, uiOf } from '../worker/temporal-config.ts'

/** Workflows that this process has started; `shown` once it tells by itself how far they are. */
export const following = { ids: new Set<string>(), shown: false }

/** @throws HillockError ConfigError that says why there is no connection to a configured Temporal */
export async function connect(address: string): Promise<Client> {
  // Half a second to load, which commands that only read the bucket need not wait for.
  const { Client } = await import('@temporalio/client')
  return new Client({
    connection: await connectTo(address),
    namespace: temporalConfig().namespace,
    dataConverter: { payloadCodecs: [payloadCodec] },
    plugins: (await tracing('client')).plugins,
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
