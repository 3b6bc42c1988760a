// Ends what a test run has started and left, however that run ends: a process beside it waits for the end of a pipe that only it holds.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { endMarked } from '../worker/identity.ts'

/** In the environment of all that a test run starts. */
const RUN = 'HILLOCK_TESTS'

/** From now on all that this process starts ends with it at the latest. */
export function sweepAfter(): void {
  // `make test` has seen to it, for all that it starts.
  if (process.env[RUN]) return
  const run = String(process.pid)
  const sweeper = spawn(process.execPath, [fileURLToPath(import.meta.url), run], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  sweeper.unref()
  process.env[RUN] = run
}

if (import.meta.main) process.stdin.resume().on('end', () => void endMarked(`${RUN}=${process.argv[2]}`))
