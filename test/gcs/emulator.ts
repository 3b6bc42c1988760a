// fake-gcs-server, the emulator of Google Cloud Storage that others wrote: built from the pinned module, started for a test.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildGoTool, builtBinary } from '../../worker/go-tool.ts'

const TOOL = { module: 'fake-gcs', command: 'github.com/fsouza/fake-gcs-server', name: 'fake-gcs-server' }

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })

/** Its binary; a clean machine builds it once, in some minutes. */
export const emulatorBinary = (): string => (existsSync(builtBinary(TOOL)) ? builtBinary(TOOL) : buildGoTool(TOOL))

/** Starts it with its objects in memory and one empty bucket. */
export async function startEmulator(bucket: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const args = [
    '-scheme',
    'http',
    '-host',
    '127.0.0.1',
    '-port',
    String(port),
    '-public-host',
    `127.0.0.1:${port}`,
    '-backend',
    'memory',
  ]
  const child = spawn(emulatorBinary(), [...args, '-log-level', 'error'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const make = {
    method: 'POST',
    body: JSON.stringify({ name: bucket }),
    headers: { 'content-type': 'application/json' },
  }
  for (let tries = 0; ; tries++) {
    const made = await fetch(`${url}/storage/v1/b`, make).catch(() => undefined)
    if (made?.ok) break
    if (tries > 100) throw new Error('fake-gcs-server does not come up')
    await sleep(100)
  }
  return {
    url,
    stop: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}
