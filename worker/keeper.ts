// One process that is kept alive: started again whenever it ends, ever later while it does not get ready.
import type { ChildProcess } from 'node:child_process'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { processOf } from './identity.ts'

const FIRST_MS = 500
const LONGEST_MS = 15_000
/** What has never been ready and ended so often will not get ready by itself. */
const TRIES = 5

interface Owner {
  /** Something has changed that the record of the stack says. */
  changed(): void
  /** A process cannot live: `why` in one line. */
  hopeless(why: string): void
}

export class Keeper {
  ready = false
  /** Why it is not ready. */
  why = 'is being started'
  child: ChildProcess | undefined
  /** Processes that it has started itself and told of: the inference processes of a worker. */
  inner: readonly number[] = []
  private readonly name: string
  private readonly log: string
  private readonly start: (out: number | 'ignore') => Promise<ChildProcess>
  private readonly owner: Owner
  everReady = false
  private ended = 0
  private stopping = false
  private wasStopped = false

  /** @param log file that takes what it prints. @param start spawns it; messages `{ ready }` say when it is. */
  constructor(name: string, log: string, start: Keeper['start'], owner: Owner) {
    this.name = name
    this.log = log
    this.start = start
    this.owner = owner
  }

  async begin(): Promise<void> {
    if (this.stopping) return
    const out = this.open()
    const from = out === 'ignore' ? 0 : fstatSync(out).size
    let child: ChildProcess
    try {
      child = await this.start(out)
    } catch (e) {
      return this.over(`could not be started: ${(e as Error).message}`)
    } finally {
      if (out !== 'ignore') closeSync(out)
    }
    this.child = child
    // It was told to stop while it was being started.
    if (this.stopping) child.kill('SIGKILL')
    child.on('message', (m: { ready?: boolean; onnx?: readonly number[] }) => {
      if (m.ready) this.isReady()
      if (m.onnx) this.inner = m.onnx
      this.owner.changed()
    })
    child.on('error', e => child.pid === undefined && this.over(`could not be started: ${e.message}`))
    child.on('exit', (code, signal) => this.over(`ended (${signal ?? code})${signal ? '' : lastWords(this.log, from)}`))
    this.owner.changed()
  }

  isReady(): void {
    this.ready = this.everReady = true
    this.ended = 0
    this.owner.changed()
  }

  private over(why: string): void {
    this.ready = false
    this.child = undefined
    this.inner = []
    if (this.stopping) return
    const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.ended++)
    this.why = this.ended > 1 ? `${why}, ${this.ended} times` : why
    console.error(`${new Date().toISOString()} ${this.name} ${this.why}; starting it again in ${wait / 1000} s`)
    if (!this.everReady && this.ended >= TRIES) return this.owner.hopeless(`${this.name} ${this.why}`)
    this.owner.changed()
    setTimeout(() => void this.begin(), wait)
  }

  /** A process that was stopped (SIGSTOP) and not continued from one look to the next is ended, so that it begins anew. */
  look(): void {
    const pids = [this.child?.pid, ...this.inner].filter(pid => pid !== undefined)
    const stopped = pids.filter(pid => processOf(pid)?.state === 'T')
    if (this.wasStopped)
      for (const pid of stopped) {
        console.error(`${new Date().toISOString()} ${this.name}: process ${pid} is stopped; ending it`)
        process.kill(pid, 'SIGKILL')
      }
    this.wasStopped = stopped.length > 0
  }

  stop(signal: NodeJS.Signals): void {
    this.stopping = true
    this.child?.kill(signal)
  }

  get gone(): boolean {
    return this.child === undefined
  }

  /** A full disk takes no log; the process runs all the same. */
  private open(): number | 'ignore' {
    try {
      return openSync(this.log, 'a')
    } catch {
      return 'ignore'
    }
  }
}

/** What a log says since `from` bytes of why its process ended: the last line with an error, else the last line. */
function lastWords(log: string, from: number): string {
  let text = ''
  try {
    text = readFileSync(log).subarray(from).toString()
  } catch {
    // There is none.
  }
  const lines = text.split('\n').filter(l => l.trim() !== '')
  const said = lines.findLast(l => /error|cannot|fail/i.test(l) && !/^\s+at /.test(l)) ?? lines.at(-1)
  return said === undefined ? '' : `: ${said.trim().slice(0, 300)}`
}
