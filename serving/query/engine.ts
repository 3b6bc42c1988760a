// The engine of the query API: SQL of ours over the tables of a release, in one DuckDB of this process.
import { totalmem } from 'node:os'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { Release } from '../../domain/release.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { Problem } from '../problem.ts'
import { turns } from '../turns.ts'
import { openDuckDb, rowsOf, tableOf, type Cell, type Column, type Rows } from './duckdb.ts'
import { tableCache } from './table-cache.ts'
import { filesOf, type Use } from './tables.ts'

export interface Query {
  readonly release: Release
  /** By the name that the statement has for each. */
  readonly from: Readonly<Record<string, Use>>
  readonly sql: string
}

export type Row = Readonly<Record<string, Cell>>

export type Engine = ReturnType<typeof engine>

export interface EngineOptions {
  readonly artifacts: ArtifactStore
  /** Bytes of local copies of tables. */
  readonly cacheBytes?: number
  /** Folder for them; that of the system if left out. */
  readonly folder?: string
  /** Told of every object of a table that a statement reads. */
  readonly onRead?: (name: string, bytes: number) => void
}

const MEMORY_MB = 192
const CACHE_BYTES = Math.min(8 * 2 ** 30, totalmem())
/** A statement that takes longer is ended. */
const TIME_MS = 30_000
/** The same for a reader that takes its time between two batches of a stream. */
const STALL_MS = 60_000

export function engine({ artifacts, cacheBytes = CACHE_BYTES, folder, onRead }: EngineOptions) {
  const cache = tableCache(artifacts, cacheBytes, folder)
  let opening: Promise<DuckDBInstance> | undefined
  const instance = (): Promise<DuckDBInstance> =>
    (opening ??= openDuckDb({ threads: 2, memoryMb: MEMORY_MB, folders: [`${cache.folder}/`] }))
  const pageTurn = turns(8, 256)
  const streamTurn = turns(4, 32)

  /** `use` of the rows of a query, whose files stay and whose connection is open meanwhile; it has so long between two batches. */
  async function run<T>(query: Query, ms: number, use: (rows: Rows, late: Promise<void>) => Promise<T>): Promise<T> {
    const names = Object.entries(query.from)
    const files = await Promise.all(names.map(([, use]) => filesOf(artifacts, query.release, use)))
    for (const file of files.flat())
      onRead?.(`${query.release.dataset}/${query.release.release}/${file.path}`, file.bytes)
    const held = await cache.hold(files.flat())
    const connection = await (await instance()).connect()
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      connection.interrupt()
      late.resolve()
    }, ms)
    try {
      let at = 0
      const tables = names.map(([name], i) => {
        const paths = held.paths.slice(at, (at += files[i]!.length))
        return `${name} AS NOT MATERIALIZED (SELECT * FROM ${tableOf(paths)})`
      })
      const { columns, batches } = await rowsOf(connection, `WITH ${tables.join(', ')} ${query.sql}`)
      async function* timed(): Rows['batches'] {
        for await (const batch of batches) {
          timer.refresh()
          yield batch
        }
      }
      return await use({ columns, batches: timed() }, late.promise)
    } finally {
      clearTimeout(timer)
      connection.closeSync()
      held.drop()
    }
  }

  return {
    cache,
    /** All rows of a statement that sets a limit to them. */
    rows: (query: Query): Promise<{ columns: readonly Column[]; rows: Row[] }> =>
      pageTurn(() =>
        run(query, TIME_MS, async ({ columns, batches }) => {
          const rows: Row[] = []
          for await (const batch of batches)
            for (let i = 0; i < batch[0]!.length; i++)
              rows.push(Object.fromEntries(columns.map((c, j) => [c.name, batch[j]![i]!])))
          return { columns, rows }
        }),
      ),
    /** Rows as they are asked for, without limit; whoever takes them reads to the end, or returns. */
    async stream(query: Query): Promise<Rows> {
      const rows = Promise.withResolvers<Rows>()
      const work = streamTurn(() =>
        run(query, STALL_MS, async ({ columns, batches }, late) => {
          const ended = Promise.withResolvers<void>()
          let open = true
          async function* read(): Rows['batches'] {
            try {
              const source = batches[Symbol.asyncIterator]()
              for (;;) {
                if (!open) throw new Problem(503, 'the answer was not read for a minute', 'ask again')
                const next = await source.next()
                if (next.done) return
                yield next.value
              }
            } finally {
              ended.resolve()
            }
          }
          rows.resolve({ columns, batches: read() })
          await Promise.race([ended.promise, late])
          open = false
        }),
      )
      work.catch(rows.reject)
      return rows.promise
    },
    /** A connection for a statement that reads no table. */
    async parse<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
      const connection = await (await instance()).connect()
      try {
        return await use(connection)
      } finally {
        connection.closeSync()
      }
    },
    async close(): Promise<void> {
      ;(await opening?.catch(() => undefined))?.closeSync()
      cache.close()
    },
  }
}
