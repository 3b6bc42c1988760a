// The connection of the command line and of programs to Temporal: its address from the running stack or the environment.
import { Client, Connection } from '@temporalio/client'

export async function connect(address: string): Promise<Client> {
  const connection = await Connection.connect({ address, connectTimeout: '10s' })
  return new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default' })
}
