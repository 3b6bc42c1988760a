// SQL of readers: checked, given local copies of the tables that it names, and run in a process of its own that is ended when it takes too much.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Release } from '../../domain/release.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { Problem, tooMuch } from '../problem.ts'
import { turns } from '../turns.ts'
import { tablesIn } from './check-sql.ts'
import type { Engine } from './engine.ts'
import type { Format } from './encode.ts'
import type { Task, Told } from './sql-process.ts'
import { filesOf } from './tables.ts'

/** `timeMs` is from the start of the process to the last byte of its answer. */
export const SQL_LIMITS = { atOnce: 2, waiting: 8, timeMs: 30_000, memoryMb: 256, processMb: 640 }

export interface Statement {
  readonly release: Release
  readonly sql: string
  readonly format: Format
  /** What stands before the rows of JSON. */
  readonly head: object
  /** Rows of JSON. */
  readonly most: number
}

const PROGRAM = fileURLToPath(new URL('sql-process.ts', import.meta.url))

/** Answers statements of readers, byte by byte as they are taken. */
export function sandbox(
  artifacts: ArtifactStore,
  engine: Engine,
  limits = SQL_LIMITS,
): (statement: Statement) => Promise<AsyncIterable<Uint8Array>> {
  const turn = turns(limits.atOnce, limits.waiting)

  /** Resolves once its answer begins; `ended` when all is over. */
  async function run(task: Task, begun: (bytes: AsyncIterable<Uint8Array>) => void): Promise<void> {
    // Nothing of this process's environment is there to be found.
    const child = fork(PROGRAM, { stdio: ['ignore', 'pipe', 'ignore', 'ipc'], env: {}, execArgv: [] })
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, limits.timeMs)
    const over = (): Problem =>
      late
        ? tooMuch(`the statement took longer than ${limits.timeMs / 1000} s`, 'ask for less, or export the tables')
        : tooMuch('the statement needs more memory than is allowed', 'ask for less, or export the tables')
    try {
      const exited = once(child, 'exit') as Promise<[number | null]>
      child.send(task)
      const told = (await Promise.race([once(child, 'message'), exited.then(() => undefined)]))?.[0] as Told | undefined
      if (!told) throw over()
      if (!('started' in told)) throw new Problem(told.status, told.message, told.todo)
      const ended = Promise.withResolvers<void>()
      begun(bytesOf(child, exited, over, ended.resolve))
      await Promise.race([ended.promise, exited])
    } finally {
      clearTimeout(timer)
      child.kill('SIGKILL')
    }
  }

  return async ({ release, sql, format, head, most }) => {
    const tables = await engine.parse(connection => tablesIn(connection, sql))
    const begun = Promise.withResolvers<AsyncIterable<Uint8Array>>()
    const work = turn(async () => {
      const files = await Promise.all(tables.map(table => filesOf(artifacts, release, { table })))
      const held = await engine.cache.hold(files.flat())
      try {
        let at = 0
        const local = tables.map((t, i) => [t, held.paths.slice(at, (at += files[i]!.length))] as const)
        const { memoryMb, processMb } = limits
        const task = { tables: Object.fromEntries(local), sql, format, head, most, memoryMb, processMb }
        await run(task, begun.resolve)
      } finally {
        held.drop()
      }
    })
    work.catch(begun.reject)
    return begun.promise
  }
}

/** What a process writes; an answer that is cut short is an error, not an end. */
async function* bytesOf(
  child: ChildProcess,
  exited: Promise<[number | null]>,
  over: () => Problem,
  ended: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of child.stdout!) yield bytes as Uint8Array
    const [code] = await exited
    if (code !== 0) throw over()
  } finally {
    ended()
  }
}
