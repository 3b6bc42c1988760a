// A query of CAVE's materialization service as SQL: filters of every kind, chosen columns, joins, resolution; and the tables of a release as CAVE names them.
import { z } from 'zod'
import { map3, type Box } from '../../domain/geometry.ts'
import { badRequest, notFound } from '../problem.ts'
import { isId, quoted } from '../query/duckdb.ts'
import type { SortedTable, Use } from '../query/tables.ts'

interface CaveTable {
  readonly table: SortedTable
  readonly schema: string
  readonly description: string
  /** CAVE's name of a column -> ours; positions by their name without axis. */
  readonly columns: Readonly<Record<string, string>>
  readonly positions: Readonly<Record<string, string>>
  /** By column: the same rows, sorted by it. */
  readonly sorted: Readonly<Record<string, SortedTable>>
}

export const TABLES: Readonly<Record<string, CaveTable>> = {
  synapses: {
    table: 'synapses',
    schema: 'synapse',
    description: 'Synapses: their partners, centre, a point in either partner, size in voxels, score',
    columns: { id: 'id', pre_pt_root_id: 'pre_segment', post_pt_root_id: 'post_segment', size: 'size', score: 'score' },
    positions: { pre_pt_position: 'pre_', post_pt_position: 'post_', ctr_pt_position: '' },
    sorted: { pre_pt_root_id: 'synapses-by-pre', post_pt_root_id: 'synapses-by-post' },
  },
  segments: {
    table: 'segments',
    schema: 'cell_type_reference',
    description: 'Segments: centre, size in voxels, synapses in and out',
    columns: {
      id: 'segment',
      pt_root_id: 'segment',
      voxels: 'voxels',
      n_pre: 'n_pre',
      n_post: 'n_post',
      n_downstream: 'n_downstream',
      n_upstream: 'n_upstream',
      skeleton_nm: 'skeleton_nm',
    },
    positions: { pt_position: '' },
    sorted: { id: 'segments', pt_root_id: 'segments' },
  },
  edges: {
    table: 'edges',
    schema: 'edge',
    description: 'Connections: pairs of segments with the number of their synapses',
    columns: { pre_pt_root_id: 'pre', post_pt_root_id: 'post', count: 'count', score: 'score', size: 'size' },
    positions: {},
    sorted: { pre_pt_root_id: 'edges', post_pt_root_id: 'edges-by-post' },
  },
}

const Scalar = z.union([z.string(), z.number(), z.bigint(), z.boolean()])
const filters = <T extends z.ZodType>(value: T) =>
  z.record(z.string(), z.record(z.string(), value).nullable()).nullish()
const Corner = z.array(z.number()).length(3)

export const CaveQuery = z.strictObject({
  tables: z
    .array(z.tuple([z.string(), z.string()]))
    .min(2)
    .max(4)
    .optional(),
  filter_in_dict: filters(z.array(Scalar).max(100_000)),
  filter_notin_dict: filters(z.array(Scalar).max(100_000)),
  filter_equal_dict: filters(Scalar),
  filter_greater_dict: filters(Scalar),
  filter_less_dict: filters(Scalar),
  filter_greater_equal_dict: filters(Scalar),
  filter_less_equal_dict: filters(Scalar),
  filter_spatial_dict: filters(z.tuple([Corner, Corner])),
  filter_regex_dict: filters(z.string().max(1000)),
  select_columns: z.array(z.string()).min(1).nullish(),
  select_column_map: z.record(z.string(), z.array(z.string()).min(1)).nullish(),
  suffixes: z.array(z.string()).nullish(),
  suffix_map: z.record(z.string(), z.string()).nullish(),
  limit: z.number().int().positive().nullish(),
  offset: z.number().int().nonnegative().nullish(),
  desired_resolution: z.array(z.number().positive()).length(3).nullish(),
})
type CaveQuery = z.infer<typeof CaveQuery>

const COMPARED = {
  filter_equal_dict: '=',
  filter_greater_dict: '>',
  filter_less_dict: '<',
  filter_greater_equal_dict: '>=',
  filter_less_equal_dict: '<=',
} as const

const AXES = ['x', 'y', 'z'] as const

const literal = (value: z.infer<typeof Scalar>): string => (typeof value === 'string' ? quoted(value) : String(value))
const listed = (values: readonly z.infer<typeof Scalar>[]): string =>
  `(${values.length === 0 ? 'NULL' : values.map(literal).join(', ')})`

export const tableNamed = (name: string): CaveTable => {
  if (Object.hasOwn(TABLES, name)) return TABLES[name]!
  throw notFound(`there is no table ${name}`, `the tables are ${Object.keys(TABLES).join(', ')}`)
}

/** Expressions of a table by the names of its columns. */
function columnsOf(table: CaveTable, alias: string, scale: readonly number[]): Map<string, string> {
  const own = Object.entries(table.columns).map(([name, column]) => [name, `${alias}.${column}`] as const)
  const positions = Object.entries(table.positions).flatMap(([name, prefix]) =>
    AXES.map((axis, a) => [`${name}_${axis}`, `${alias}.${prefix}${axis} * ${scale[a]}`] as const),
  )
  return new Map([...own, ['valid', 'true'], ...positions])
}

export interface CaveSql {
  readonly sql: string
  readonly from: Readonly<Record<string, Use>>
  readonly columns: readonly string[]
}

/**
 * @param names tables of the query, each with the column that joins it to the first
 * @param voxel size in nm
 * @throws Problem 400 for a column that no table has
 */
export function caveSql(
  query: CaveQuery,
  names: readonly (readonly [table: string, column: string])[],
  voxel: readonly number[],
): CaveSql {
  const scale = voxel.map((nm, a) => nm / (query.desired_resolution?.[a] ?? nm))
  const tables = names.map(([name], i) => {
    const table = tableNamed(name)
    return { name, table, alias: `t${i}`, columns: columnsOf(table, `t${i}`, scale) }
  })
  const at = ({ name, columns }: (typeof tables)[number], column: string): string => {
    const found = columns.get(column)
    if (found) return found
    throw badRequest(`table ${name} has no column ${column}`, `its columns are ${[...columns.keys()].join(', ')}`)
  }
  for (const [part, of] of Object.entries(query))
    if (part.startsWith('filter_') || part === 'select_column_map')
      for (const name of Object.keys(of ?? {}))
        if (!names.some(([n]) => n === name))
          throw badRequest(
            `${part} is about ${name}, which the query does not ask`,
            `it asks ${names.map(([n]) => n).join(', ')}`,
          )
  const where: string[] = []
  const from: Record<string, Use> = {}
  for (const t of tables) {
    const of = <T>(all: Readonly<Record<string, Readonly<Record<string, T>> | null>> | null | undefined) =>
      Object.entries(all?.[t.name] ?? {})
    const equal = of(query.filter_equal_dict)
    const among = of(query.filter_in_dict)
    for (const [column, values] of among) where.push(`${at(t, column)} IN ${listed(values)}`)
    for (const [column, values] of of(query.filter_notin_dict))
      if (values.length > 0) where.push(`${at(t, column)} NOT IN ${listed(values)}`)
    for (const [kind, operator] of Object.entries(COMPARED))
      for (const [column, value] of of(query[kind as keyof typeof COMPARED]))
        where.push(`${at(t, column)} ${operator} ${literal(value)}`)
    for (const [column, pattern] of of(query.filter_regex_dict))
      where.push(`regexp_matches(${at(t, column)}::VARCHAR, ${quoted(pattern)})`)
    let around: Box | undefined
    for (const [column, [low, high]] of of(query.filter_spatial_dict)) {
      const min = map3(a => Math.min(low[a]!, high[a]!))
      const max = map3(a => Math.max(low[a]!, high[a]!))
      AXES.forEach((axis, a) => where.push(`${at(t, `${column}_${axis}`)} BETWEEN ${min[a]} AND ${max[a]}`))
      // The table of synapses lies in the order of their centres.
      if (column === 'ctr_pt_position')
        around = { min: map3(a => Math.floor(min[a] / scale[a]!)), max: map3(a => Math.floor(max[a] / scale[a]!) + 1) }
    }
    // The rows of a few segments lie together in the table that is sorted by them.
    const named = [...among, ...equal.map(([column, value]) => [column, [value]] as const)].find(
      ([column, values]) => t.table.sorted[column] && values.length > 0 && values.every(v => isId(String(v))),
    )
    from[t.alias] = named
      ? { table: t.table.sorted[named[0]]!, segments: named[1].map(v => BigInt(v as bigint)) }
      : { table: t.table.table, ...(around && { box: around }) }
  }
  const chosen = tables.flatMap(t => {
    const asked = query.select_column_map?.[t.name] ?? query.select_columns
    if (!asked) return [...t.columns].map(([name, sql]) => ({ t, name, sql }))
    return asked.flatMap(name =>
      Object.hasOwn(t.table.positions, name)
        ? AXES.map(axis => ({ t, name: `${name}_${axis}`, sql: at(t, `${name}_${axis}`) }))
        : [{ t, name, sql: at(t, name) }],
    )
  })
  const suffix = (t: (typeof tables)[number], name: string): string =>
    chosen.filter(c => c.name === name).length === 1
      ? name
      : name +
        (query.suffix_map?.[t.name] ?? query.suffixes?.[tables.indexOf(t)] ?? (t === tables[0] ? '' : `_${t.name}`))
  const columns = chosen.map(c => suffix(c.t, c.name))
  const [first, ...others] = tables
  const joins = others.map((t, i) => `JOIN ${t.alias} ON ${at(t, names[i + 1]![1])} = ${at(first!, names[0]![1])}`)
  const page = query.limit || query.offset
  const sql = [
    `SELECT ${chosen.map((c, i) => `${c.sql} AS "${columns[i]!.replaceAll('"', '')}"`).join(', ')}`,
    `FROM ${first!.alias} ${joins.join(' ')}`,
    where.length > 0 ? `WHERE ${where.join(' AND ')}` : '',
    // Pages of the same query follow each other.
    page ? `ORDER BY ${[...first!.columns.values()].slice(0, 2).join(', ')}` : '',
    query.limit ? `LIMIT ${query.limit}` : '',
    query.offset ? `OFFSET ${query.offset}` : '',
  ].join('\n')
  return { sql, from, columns }
}
