// Processes as a service manager keeps them: each with a log of its own, started again where it ends by itself; and all of them ended.
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { endMarked } from '../../worker/identity.ts'

const RESTART_MS = 1000
/** In the environment of all that is started. */
const MARK = 'HILLOCK_CLUSTER'
process.env[MARK] = String(process.pid)

let isOver = false

export type Command = readonly [string, readonly string[], SpawnOptions?]

export class Service {
  readonly log: string
  readonly #command: Command
  #child!: ChildProcess
  #ended = Promise.resolve()
  #stays = true

  constructor(log: string, command: Command) {
    this.log = log
    this.#command = command
    this.#start()
  }

  #start(): void {
    const [file, args, options] = this.#command
    const out = openSync(this.log, 'a')
    // A group of its own: an interrupt at the terminal is for the rehearsal, which ends them in order.
    const child = spawn(file, args, { ...options, stdio: ['ignore', out, out], detached: true })
    this.#child = child
    this.#ended = new Promise(resolve => {
      child.once('error', e => console.error(`${file}: ${e.message}`))
      child.once('close', () => {
        resolve()
        setTimeout(() => this.#stays && !isOver && this.#start(), RESTART_MS)
      })
    })
  }

  /** It ends, and is started again. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Its host is gone, or it is not wanted any more. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#stays = false
    const { pid } = this.#child
    try {
      // A host that is gone takes along what its processes have started.
      process.kill(signal === 'SIGKILL' ? -pid! : pid!, signal)
    } catch {
      // It has just ended.
    }
    await this.#ended
  }
}

/** Output of a command that ends. @throws Error with its last words where it fails */
export function output([file, args, options]: Command): Promise<string> {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const [out, err]: string[][] = [[], []]
  child.stdout!.setEncoding('utf8').on('data', text => out!.push(text))
  child.stderr!.setEncoding('utf8').on('data', text => err!.push(text))
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('close', code => {
      const said = [...out!, ...err!].join('').trimEnd().split('\n').slice(-12).join('\n')
      if (code === 0) done(out!.join(''))
      else fail(new Error(`${[file, ...args].join(' ')} ended with ${code}:\n${said}`))
    })
  })
}

/** Waits until `look` answers. @throws Error that says what did not come */
export async function until<T>(what: string, seconds: number, look: () => Promise<T | false>): Promise<T> {
  let why = ''
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(300)) {
    const found = await look().catch((e: Error) => {
      why = `: ${e.message}`
      return false as const
    })
    if (found !== false) return found
  }
  throw new Error(`${what}: not within ${seconds} s${why}`)
}

/** Ends all that was started here, and what that has started; nothing is started again. */
export function endAll(): Promise<number> {
  isOver = true
  return endMarked(`${MARK}=${process.pid}`)
}
