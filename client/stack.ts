// Starting, finding and stopping the processes of this machine (`hillock up` and `hillock down`).
import { spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkout, home, isAlive, readStack, type StackRecord } from '../worker/home.ts'

/**
 * The running stack, started first where there is none. `started` says whether this call did it.
 * @throws Error with the end of the log when it does not come up within two minutes.
 */
export async function ensureStack(): Promise<{ stack: StackRecord; started: boolean }> {
  const h = home()
  const running = readStack(h)
  if (running?.ready) return { stack: running, started: false }
  let started = false
  if (!running) {
    const out = openSync(join(h.logs, 'stack.log'), 'a')
    spawn(process.execPath, [join(checkout, 'worker/stack.ts')], {
      detached: true,
      stdio: ['ignore', out, out],
    }).unref()
    started = true
  }
  for (let i = 0; i < 1200; i++) {
    const stack = readStack(h)
    if (stack?.ready) return { stack, started }
    await sleep(100)
  }
  const log = readFileSync(join(h.logs, 'stack.log'), 'utf8').split('\n').slice(-12).join('\n')
  throw new Error(`the stack did not come up within two minutes; ${h.logs} holds the logs, the last lines are:\n${log}`)
}

/** Stops the stack of this HILLOCK_HOME and waits until it is gone; says whether there was one. */
export async function stopStack(): Promise<boolean> {
  const stack = readStack(home())
  if (!stack) return false
  process.kill(stack.pid, 'SIGTERM')
  for (let i = 0; i < 150 && isAlive(stack.pid); i++) await sleep(100)
  if (isAlive(stack.pid)) process.kill(stack.pid, 'SIGKILL')
  return true
}
