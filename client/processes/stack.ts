// Starting, finding and stopping the processes of this machine (`hillock up` and `hillock down`).
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { configError } from '../../domain/errors.ts'
import { setting } from '../../domain/settings.ts'
import { checkout, home, readStack, unusable, type Home, type StackRecord } from '../../worker/home.ts'
import { endStrays } from '../../worker/identity.ts'
import { lock } from '../../worker/lock.ts'
import { temporalConfig, uiOf } from '../../worker/temporal-config.ts'
import { unwatch, watch } from './troubles.ts'

const SAY_MS = 10_000
/** How `worker/stack.ts` ends where it finds another stack. */
const TAKEN = 3
/** So often it is started again where it is killed before it is ready. */
const KILLED = 5

/**
 * The running stack, started first where there is none. `started` says whether this call did it.
 * @throws Error with what the log says when it cannot come up
 */
export async function ensureStack(): Promise<{ stack: StackRecord; started: boolean }> {
  const h = home()
  const log = join(h.logs, 'stack.log')
  let child: ChildProcess | undefined
  let release: (() => void) | undefined
  let from = 0
  let said = Date.now()
  let killed = 0
  let left = 0
  let told = ''
  try {
    for (;;) {
      const stack = readStack(h)
      if (stack) checkSame(stack)
      if (stack?.ready) {
        if (child) for (const line of linesOf(log, from)) if (line.startsWith('Temporal CLI: ')) console.error(line)
        watch(standingStack)
        return { stack, started: child !== undefined }
      }
      // Of two commands at the same moment one starts it, and the other waits with it.
      if (!stack && !child && (release ??= lockOf(h, h.starting)) && !readStack(h)) {
        from = existsSync(log) ? readFileSync(log).length : 0
        child = supervisor(h, log)
      }
      if (child && (child.exitCode ?? child.signalCode) !== null) {
        // Killed from outside, it is started again.
        if (child.exitCode !== TAKEN && (child.signalCode === null || ++killed > KILLED))
          throw new Error(`the stack did not come up: ${whyIn(log, from)}`)
        child = undefined
      }
      const open = Object.entries(stack?.waits ?? { stack: 'is being started' }).map(([name, why]) => `${name} ${why}`)
      // Ten seconds in which none of them got ready.
      if (open.length !== left) said = Date.now()
      left = open.length
      if (Date.now() - said > SAY_MS) {
        said = Date.now()
        const line = `waiting for the stack: ${open.join('; ')} (logs: ${h.logs})`
        if (line !== told) console.error(line)
        told = line
      }
      await sleep(100)
    }
  } finally {
    release?.()
  }
}

function supervisor(h: Home, log: string): ChildProcess {
  let out: number
  try {
    out = openSync(log, 'a')
  } catch (e) {
    throw unusable(h, e)
  }
  const child = spawn(process.execPath, [join(checkout, 'worker/stack.ts')], {
    detached: true,
    stdio: ['ignore', out, out],
  })
  child.unref()
  return child
}

const linesOf = (log: string, from: number): string[] =>
  readFileSync(log).subarray(from).toString().trimEnd().split('\n')

/** The line in which the stack says why it gave up, else the last of its log. */
function whyIn(log: string, from: number): string {
  const lines = linesOf(log, from)
  return lines.findLast(l => l.startsWith('hillock: '))?.slice(9) ?? `${log} ends with\n${lines.slice(-12).join('\n')}`
}

function lockOf(h: Home, file: string): (() => void) | undefined {
  try {
    return lock(file)
  } catch (e) {
    throw unusable(h, e)
  }
}

/**
 * The stack while something is done with it: as it is, or started again where its processes were killed.
 * @throws HillockError ConfigError when somebody has stopped it
 */
export async function standingStack(): Promise<StackRecord> {
  const h = home()
  const stack = readStack(h)
  if (stack) return stack
  // Who stops it takes its record away.
  if (!existsSync(h.stack))
    throw configError('the stack was stopped; `hillock up` starts it, and runs go on where they were')
  console.error('the processes of the stack have ended; starting them again')
  return (await ensureStack()).stack
}

/** @throws HillockError ConfigError where another Temporal or namespace is configured than the stack works with */
function checkSame(stack: StackRecord): void {
  const { address, namespace } = temporalConfig()
  const other = [
    ...(address === undefined || address === stack.temporal ? [] : [['TEMPORAL_ADDRESS', address, stack.temporal]]),
    ...(namespace === stack.namespace ? [] : [['TEMPORAL_NAMESPACE', namespace, `namespace ${stack.namespace}`]]),
  ][0]
  if (other)
    throw configError(
      `${other[0]} is ${other[1]}, but the stack that is up here works with ${other[2]}: stop it first (\`hillock down\`), or configure the same`,
    )
}

/** Where a Temporal is configured and no stack is up here: what works with it on other machines. @throws HillockError ConfigError */
export function stackElsewhere(): StackRecord | undefined {
  const { address, namespace } = temporalConfig()
  if (address === undefined || readStack(home())) return undefined
  const stack: StackRecord = {
    pid: 0,
    born: '',
    temporal: address,
    namespace,
    ui: uiOf(address),
    serving: setting('HILLOCK_SERVING_URL') ?? 'http://127.0.0.1:8470',
    metrics: {},
    children: {},
    ready: true,
    waits: {},
  }
  watch(async () => stack)
  return stack
}

/** The stack that is up here, for a command that has nothing to start it for. @throws Error where there is none */
export function runningStack(): StackRecord {
  const stack = readStack(home())
  if (!stack) throw new Error('nothing is running: start it with `./hillock up`')
  checkSame(stack)
  watch(standingStack)
  return stack
}

/** Stops the stack of this HILLOCK_HOME and what is left of one that was killed; says whether there was anything. */
export async function stopStack(): Promise<boolean> {
  unwatch()
  const h = home()
  let stopped = false
  for (const until = Date.now() + 30_000; ;) {
    const stack = readStack(h)
    if (stack) {
      process.kill(stack.pid, 'SIGTERM')
      for (let i = 0; i < 150 && readStack(h); i++) await sleep(100)
      const still = readStack(h)
      if (still) process.kill(still.pid, 'SIGKILL')
      stopped = true
    }
    const release = lockOf(h, h.lock)
    if (release)
      try {
        return (await endStrays(h.root)) > 0 || stopped
      } finally {
        rmSync(h.stack, { force: true })
        release()
      }
    // One is being started, or its record was damaged: it is written again.
    if (Date.now() > until) throw new Error(`something holds ${h.lock}, but no stack says that it runs here`)
    await sleep(100)
  }
}
