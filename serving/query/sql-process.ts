// A process for one statement of a reader: it sees the files that it is told of, writes their rows to its output, and ends.
import { once } from 'node:events'
import { enableCompileCache } from 'node:module'
import { setPriority } from 'node:os'
import { openDuckDb, rowsOf, tableOf } from './duckdb.ts'
import { encode, type Format } from './encode.ts'
import type { Problem } from '../problem.ts'

export interface Task {
  /** Local files of each table. */
  readonly tables: Readonly<Record<string, readonly string[]>>
  readonly sql: string
  readonly format: Format
  readonly head: object
  readonly most: number
  /** DuckDB's own, and of the whole process. */
  readonly memoryMb: number
  readonly processMb: number
}

export type Told =
  | { readonly started: true }
  | { readonly status: number; readonly message: string; readonly todo: string }

const tell = (told: Told): void => void process.send?.(told)

async function answer(task: Task): Promise<void> {
  // What functions of rows allocate, DuckDB does not count.
  setInterval(() => {
    if (process.memoryUsage.rss() > task.processMb << 20) process.kill(process.pid, 'SIGKILL')
  }, 20).unref()
  const names = Object.keys(task.tables)
  const instance = await openDuckDb(
    { threads: 1, memoryMb: task.memoryMb, paths: Object.values(task.tables).flat() },
    names.map(name => `CREATE VIEW ${name} AS SELECT * FROM ${tableOf(task.tables[name]!)}`),
  )
  const { columns, batches } = await rowsOf(await instance.connect(), task.sql)
  const source = batches[Symbol.asyncIterator]()
  // The first rows are made before the answer begins: most of what can go wrong has gone wrong then.
  const first = await source.next()
  async function* rest(): AsyncGenerator<NonNullable<typeof first.value>> {
    for (let next = first; !next.done; next = await source.next()) yield next.value
  }
  tell({ started: true })
  for await (const bytes of encode(task.format, { columns, batches: rest() }, task.head, task.most))
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
  process.stdout.end()
  await once(process.stdout, 'finish')
}

enableCompileCache()
setPriority(10)
process.once('disconnect', () => process.exit(1))
process.once('message', (task: Task) => {
  answer(task).then(
    () => process.exit(0),
    (e: Error) => {
      const { status = 500, message, todo = 'this is a defect of the server' } = e as Partial<Problem> & Error
      tell({ status, message, todo })
      process.exitCode = 1
      process.disconnect()
    },
  )
})
