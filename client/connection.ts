// The connection of the command line and of programs to Temporal: its address from the running stack or the environment.
import type { Client } from '@temporalio/client'

export async function connect(address: string): Promise<Client> {
  // Half a second to load, which commands that only read the bucket need not wait for.
  const { Client, Connection } = await import('@temporalio/client')
  const connection = await Connection.connect({ address, connectTimeout: '10s' })
  return new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default' })
}
