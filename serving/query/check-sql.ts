// What a statement of a reader may be: one SELECT over the tables of a release and functions that read nothing else.
import type { DuckDBConnection } from '@duckdb/node-api'
import { badRequest, type Problem } from '../problem.ts'
import { TABLES, type TableName } from './tables.ts'

const TABLE_FUNCTIONS = ['range', 'generate_series', 'unnest']
/** They tell of the server, not of the release. */
const REFUSED = /^(current_setting|getenv|getvariable|write_log)$/i

const MOST_CHARACTERS = 100_000

type Node = Readonly<Record<string, unknown>>

/** Every object of a tree. */
function* nodes(value: unknown): Generator<Node> {
  const open = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    if (!Array.isArray(next)) yield next as Node
    open.push(...Object.values(next))
  }
}

const refused = (message: string): Problem =>
  badRequest(message, `send one SELECT over ${TABLES.join(', ')}, and functions of rows`)

interface Parsed {
  readonly error: boolean
  readonly error_message?: string
  readonly statements?: readonly unknown[]
}

function parse(text: string): Parsed {
  try {
    return JSON.parse(text) as Parsed
  } catch {
    // DuckDB writes numbers that no double holds as JSON has none.
    throw refused('a number in the statement is larger than a double holds')
  }
}

/** The tables that a statement reads. @throws Problem 400 for everything but one SELECT over them */
export async function tablesIn(connection: DuckDBConnection, sql: string): Promise<TableName[]> {
  if (sql.length > MOST_CHARACTERS) throw refused(`the statement has ${sql.length} characters, of ${MOST_CHARACTERS}`)
  const result = await connection.runAndReadAll('SELECT json_serialize_sql($sql::VARCHAR)', { sql })
  const parsed = parse(String(result.getRows()[0]![0]))
  if (parsed.error) throw refused(parsed.error_message ?? 'that is no statement')
  if (parsed.statements?.length !== 1) throw refused(`${parsed.statements?.length ?? 0} statements`)
  const all = [...nodes(parsed.statements)]
  const named = all.flatMap(n => (n['cte_map'] as { map: { key: string }[] } | undefined)?.map.map(m => m.key) ?? [])
  const found = new Set<TableName>()
  for (const node of all) {
    const call = node['function_name']
    if (typeof call === 'string' && REFUSED.test(call)) throw refused(`the function ${call} cannot be used here`)
    if (node['type'] === 'TABLE_FUNCTION') {
      const name = String((node['function'] as Node)['function_name'])
      if (!TABLE_FUNCTIONS.includes(name.toLowerCase())) throw refused(`the table function ${name} cannot be used here`)
    }
    if (node['type'] !== 'BASE_TABLE') continue
    const name = String(node['table_name'])
    const table = TABLES.find(t => t === name.toLowerCase())
    if (node['schema_name'] !== '' || node['catalog_name'] !== '')
      throw refused(`${name} is in no schema: name it alone`)
    if (table) found.add(table)
    else if (!named.includes(name)) throw refused(`there is no table ${name}`)
  }
  return [...found]
}
