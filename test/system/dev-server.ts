// A Temporal server in memory, for tests that bring their own workers.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection } from '@temporalio/client'
import { findTemporalCli } from '../../worker/temporal-cli.ts'
import { attributeOptions } from '../../worker/temporal.ts'

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise(done => server.close(done))
  return port
}

export async function devServer(): Promise<{ address: string; connection: Connection; stop(): void }> {
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const child = spawn(
    findTemporalCli().path,
    ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error']
      .concat(['--dynamic-config-value', 'system.enableActivityEagerExecution=true'])
      .concat(attributeOptions),
    { stdio: 'ignore' },
  )
  for (let tries = 0; ; tries++)
    try {
      const connection = await Connection.connect({ address, connectTimeout: '1s' })
      return { address, connection, stop: () => void child.kill('SIGKILL') }
    } catch (e) {
      if (tries > 100) throw e
      await sleep(100)
    }
}
