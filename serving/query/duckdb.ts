// DuckDB over local Parquet files: an instance that reaches those files and nothing else, and the rows of one statement.
import { DuckDBInstance, DuckDBTypeId, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api'
import { badRequest, Problem, tooMuch } from '../problem.ts'

export type Cell = bigint | number | boolean | string | null

/** What a column holds: `id` is uint64, `integer` fits in int64. */
export type ColumnType = 'id' | 'integer' | 'number' | 'boolean' | 'text'

export interface Column {
  readonly name: string
  readonly type: ColumnType
}

export interface Rows {
  readonly columns: readonly Column[]
  /** Up to 2,048 rows at a time, column by column. */
  readonly batches: AsyncIterable<readonly (readonly Cell[])[]>
}

const { BOOLEAN, UBIGINT, FLOAT, DOUBLE, HUGEINT, UHUGEINT, DECIMAL } = DuckDBTypeId
const { TINYINT, SMALLINT, INTEGER, BIGINT, UTINYINT, USMALLINT, UINTEGER } = DuckDBTypeId
const INTEGERS = [TINYINT, SMALLINT, INTEGER, BIGINT, UTINYINT, USMALLINT, UINTEGER]

/** Columns that are as wide as an id and count something. */
const COUNTS = /\b(voxels|faces_[xyz])\b/

function typeOf(id: DuckDBTypeId, name: string): ColumnType {
  if (id === UBIGINT) return COUNTS.test(name) ? 'integer' : 'id'
  if (INTEGERS.includes(id)) return 'integer'
  // Sums of integers are 128 bits wide.
  if ([FLOAT, DOUBLE, HUGEINT, UHUGEINT, DECIMAL].includes(id)) return 'number'
  return id === BOOLEAN ? 'boolean' : 'text'
}

function cellOf(value: DuckDBValue, type: ColumnType): Cell {
  if (value === null || value === undefined) return null
  if (type === 'number') return typeof value === 'object' ? Number(String(value)) : Number(value)
  if (type === 'text') return String(value)
  return value as Cell
}

export interface Limits {
  readonly threads: number
  /** Of DuckDB's own memory. */
  readonly memoryMb: number
  /** Files and folders that statements may read. */
  readonly paths?: readonly string[]
  readonly folders?: readonly string[]
}

/** What a question was wrong about, by what DuckDB says: a text that is held against a number, and the like. */
export const isWrong = (error: unknown): boolean =>
  /^(Binder|Conversion|Parser|Catalog|Invalid Input|Out of Range) Error/.test((error as Error).message)

/** Whether a text is an id as columns hold them: uint64. */
export const isId = (text: string): boolean => /^\d{1,20}$/.test(text) && BigInt(text) < 1n << 64n

/** A text as SQL has it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const list = (texts: readonly string[]): string => `[${texts.map(quoted).join(', ')}]`

/** A table of files: `columns` of all, in the order of the files. */
export const tableOf = (paths: readonly string[]): string => `read_parquet(${list(paths)})`

/** @param setUp statements that are run before everything else is shut off for good */
export async function openDuckDb(limits: Limits, setUp: readonly string[] = []): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(limits.threads),
    memory_limit: `${limits.memoryMb}MB`,
    temp_directory: '',
    max_temp_directory_size: '0B',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  })
  const connection = await instance.connect()
  await connection.run(`SET allowed_paths = ${list(limits.paths ?? [])}`)
  await connection.run(`SET allowed_directories = ${list(limits.folders ?? [])}`)
  for (const sql of setUp) await connection.run(sql)
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
  connection.closeSync()
  return instance
}

/** The rows of a statement, read from DuckDB as they are asked for. @throws Problem what was wrong with the statement */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Rows> {
  const result = await connection.stream(sql).catch((e: Error) => {
    throw asRefused(e)
  })
  const columns = result
    .deduplicatedColumnNames()
    .map((name, i) => ({ name, type: typeOf(result.columnTypeId(i), name) }))
  async function* batches(): AsyncGenerator<Cell[][]> {
    for (;;) {
      const chunk = await result.fetchChunk().catch((e: Error) => {
        throw asRefused(e)
      })
      if (!chunk?.rowCount) return
      yield columns.map(({ type }, i) => chunk.getColumnValues(i).map(v => cellOf(v, type)))
    }
  }
  return { columns, batches: batches() }
}

/** What DuckDB says of a statement, for who wrote it. */
function asRefused({ message }: Error): Problem {
  const text = message.split('\n')[0]!
  if (/INTERRUPT/.test(text))
    return tooMuch('the query took longer than is allowed', 'ask for less: name segments, or set a limit')
  if (/Out of Memory/.test(text))
    return tooMuch('the query needs more memory than is allowed', 'ask for less, or export the tables')
  if (text.startsWith('IO Error')) return new Problem(503, text, 'try again', { 'retry-after': '5' })
  return badRequest(text, 'correct the query; the document of tables names them with their columns')
}
