// Cypher over neurons, their connections and synapses, as SQL over the tables of a release.
import { isId, quoted } from '../query/duckdb.ts'
import type { Use } from '../query/tables.ts'
import { notUnderstood, type Expression, type Statement } from './cypher.ts'

/** What neuPrint says of a body, by the column that has it; what is not there is null, as in a graph. */
const COLUMNS: Readonly<Record<string, string>> = {
  bodyId: 'segment',
  size: 'voxels',
  pre: 'n_pre',
  post: 'n_post',
  downstream: 'n_pre',
  upstream: 'n_post',
}
/** Everything in a release was traced by it, and nothing was named by anybody. */
const CONSTANTS: Readonly<Record<string, string>> = {
  status: "'Traced'",
  statusLabel: "'Traced'",
  cropped: 'false',
  roiInfo: "'{}'",
}
export const NEURON_PROPERTIES = [...Object.keys(COLUMNS), ...Object.keys(CONSTANTS), 'instance', 'type']

export interface Compiled {
  readonly sql: string
  readonly from: Readonly<Record<string, Use>>
  readonly columns: readonly string[]
  /** Columns whose text is JSON. */
  readonly json: ReadonlySet<string>
}

type Properties = (path: string) => string | undefined

interface Shape {
  /** What follows FROM. */
  readonly source: string
  readonly variables: Readonly<Record<string, Properties>>
  /** By variable: what is joined where more than an id is asked of it. */
  readonly joins: Readonly<Record<string, string>>
  readonly from: Readonly<Record<string, Use>>
}

/** Ids that a variable is held to. */
type Ids = (name: string) => readonly bigint[] | undefined

const among = (table: Use['table'], segments: readonly bigint[] | undefined): Use =>
  segments ? { table, segments } : { table }
/** Sorted by the side whose segments are known. */
const sides = (kind: 'edges' | 'synapses', pre: ReturnType<Ids>, post: ReturnType<Ids>): Use =>
  post && !pre ? among(`${kind}-by-post`, post) : among(kind === 'edges' ? kind : 'synapses-by-pre', pre)

/** @param id how its id is written without the table of segments */
const body =
  (name: string, id: string): Properties =>
  path => {
    if (path === 'bodyId') return id
    const column = COLUMNS[path]
    return column === undefined ? CONSTANTS[path] : `v_${name}.${column}`
  }

const end =
  (side: 'pre' | 'post' | undefined): Properties =>
  path => {
    const axis = /^location\.([xyz])$/.exec(path)?.[1]
    if (axis) return `floor(s.${side ? `${side}_` : ''}${axis})::BIGINT`
    return path === 'confidence' ? 's.score' : path === 'type' ? (side ? quoted(side) : 's.type') : undefined
  }

const connection: Properties = path => (path === 'weight' ? 'e.count' : path === 'roiInfo' ? "'{}'" : undefined)

const BODY = String.raw`\((?<n>\w+):(?:Neuron|Segment)\)`
const EDGE = String.raw`${BODY}-\[(?<e>\w+):ConnectsTo\]->\((?<m>\w+):(?:Neuron|Segment)\)`
const OF_BODY = String.raw`\(\k<n>\)-\[:Contains\]->\((?<set>\w+):SynapseSet\),\(\k<set>\)-\[:Contains\]->\((?<s>\w+):Synapse\)`
const PAIRS = String.raw`\(\k<n>\)-\[:Contains\]->\((?<a>\w+):SynapseSet\)-\[:ConnectsTo\]->\((?<b>\w+):SynapseSet\)<-\[:Contains\]-\(\k<m>\),\(\k<a>\)-\[:Contains\]->\((?<ns>\w+):Synapse\)-\[:SynapsesTo\]->\((?<ms>\w+):Synapse\)<-\[:Contains\]-\(\k<b>\)`

type Names = Readonly<Record<string, string>>

const SHAPES: readonly [pattern: RegExp, shape: (names: Names, ids: Ids) => Shape][] = [
  [
    new RegExp(`^${BODY}$`),
    ({ n }, ids) => ({
      source: `segments v_${n}`,
      variables: { [n!]: body(n!, `v_${n}.segment`) },
      joins: {},
      from: { segments: among('segments', ids(n!)) },
    }),
  ],
  [
    new RegExp(`^${EDGE}$`),
    ({ n, e, m }, ids) => ({
      source: 'edges e',
      variables: { [n!]: body(n!, 'e.pre'), [m!]: body(m!, 'e.post'), [e!]: connection },
      joins: { [n!]: `segments v_${n} ON v_${n}.segment = e.pre`, [m!]: `segments v_${m} ON v_${m}.segment = e.post` },
      from: { edges: sides('edges', ids(n!), ids(m!)) },
    }),
  ],
  [
    new RegExp(`^${BODY} ${OF_BODY}$`),
    ({ n, s }, ids) => {
      const side = (name: 'pre' | 'post'): string =>
        `SELECT ${name}_segment AS body, '${name}' AS type, ${name}_x AS x, ${name}_y AS y, ${name}_z AS z, score FROM ${name}_side`
      return {
        source: `(${side('pre')} UNION ALL ${side('post')}) s`,
        variables: { [n!]: body(n!, 's.body'), [s!]: end(undefined) },
        joins: { [n!]: `segments v_${n} ON v_${n}.segment = s.body` },
        from: { pre_side: among('synapses-by-pre', ids(n!)), post_side: among('synapses-by-post', ids(n!)) },
      }
    },
  ],
  [
    new RegExp(`^${EDGE},${PAIRS}$`),
    ({ n, e, m, ns, ms }, ids) => ({
      source: 'synapses s',
      variables: {
        [n!]: body(n!, 's.pre_segment'),
        [m!]: body(m!, 's.post_segment'),
        [e!]: connection,
        [ns!]: end('pre'),
        [ms!]: end('post'),
      },
      joins: {
        [n!]: `segments v_${n} ON v_${n}.segment = s.pre_segment`,
        [m!]: `segments v_${m} ON v_${m}.segment = s.post_segment`,
        [e!]: 'edges e ON e.pre = s.pre_segment AND e.post = s.post_segment',
      },
      from: { synapses: sides('synapses', ids(n!), ids(m!)), edges: sides('edges', ids(n!), ids(m!)) },
    }),
  ],
]

const CALLS = ['count', 'avg', 'sum', 'coalesce']
/** Parts of a statement. */
const LARGEST = 1_000_000

class Compiler {
  readonly joined = new Set<string>()
  private readonly variables: Readonly<Record<string, Properties>>
  private size = 0
  constructor(variables: Readonly<Record<string, Properties>>) {
    this.variables = variables
  }

  private has(variable: string): boolean {
    return Object.hasOwn(this.variables, variable)
  }

  private property(of: string, path: string): string {
    if (!this.has(of)) throw notUnderstood(`${of} is matched by nothing`)
    const sql = this.variables[of]!(path) ?? 'NULL'
    if (sql.startsWith(`v_${of}.`) || sql === 'e.count') this.joined.add(of)
    return sql
  }

  sql(e: Expression): string {
    // Names stand for names that stand for others: a short text may come to a long one.
    if (++this.size > LARGEST) throw notUnderstood('it is too long')
    switch (e.kind) {
      case 'number':
        return e.digits
      case 'value':
        return typeof e.value === 'string' ? quoted(e.value) : String(e.value)
      case 'list':
        return `(${e.items.length === 0 ? 'NULL' : e.items.map(i => this.sql(i)).join(', ')})`
      case 'property':
        return this.property(e.of, e.path)
      case 'name':
        if (this.has(e.name)) return '*'
        throw notUnderstood(`${e.name} has no value`)
      case 'call': {
        if (e.name === 'exists') return `(${this.sql(e.args[0]!)} IS NOT NULL)`
        if (e.name === 'apoc.map.removeKeys') return "'{}'"
        if (e.name === 'apoc.convert.fromJsonMap') return this.sql(e.args[0]!)
        const call = e.name.toLowerCase()
        if (!CALLS.includes(call)) throw notUnderstood(`${e.name} is not answered`)
        return `${call}(${e.args.map(a => this.sql(a)).join(', ')})`
      }
      case 'operation': {
        // Every connection has a synapse.
        const [left, right] = e.args as [Expression, Expression]
        if (e.operator === '>=' && left.kind === 'property' && left.path === 'weight')
          if (right.kind === 'number' && Number(right.digits) <= 1) return 'true'
        const [a, b] = e.args.map(x => this.sql(x))
        if (e.operator === 'NOT') return `(NOT ${a})`
        if (e.operator === 'IS NULL') return `(${a} IS NULL)`
        if (e.operator === '=~') return `regexp_full_match(${a}::VARCHAR, ${b})`
        if (e.operator === 'AND' || e.operator === 'OR')
          return `(${e.args.map(x => this.sql(x)).join(` ${e.operator} `)})`
        return `(${a} ${e.operator} ${b})`
      }
    }
  }

  /** Whole nodes are JSON. */
  item(e: Expression): { sql: string; json: boolean } {
    if (e.kind === 'name' && this.has(e.name)) {
      const fields = NEURON_PROPERTIES.map(p => `${quoted(p)}: ${this.property(e.name, p)}`)
      return { sql: `to_json({${fields.join(', ')}})`, json: true }
    }
    return { sql: this.sql(e), json: e.kind === 'call' && e.name.startsWith('apoc.') }
  }
}

const conjuncts = (e: Expression): readonly Expression[] =>
  e.kind === 'operation' && e.operator === 'AND' ? e.args.flatMap(conjuncts) : [e]

/** Ids that a variable is held to by every condition, so that only the files of these are read. */
function idsOf(conditions: readonly Expression[], of: string): bigint[] | undefined {
  for (const c of conditions.flatMap(conjuncts)) {
    if (c.kind !== 'operation' || !['=', 'IN'].includes(c.operator)) continue
    const [left, right] = c.args as [Expression, Expression]
    if (left.kind !== 'property' || left.of !== of || left.path !== 'bodyId') continue
    const all = right.kind === 'list' ? right.items : [right]
    const ids = all.flatMap(v => (v.kind === 'number' && isId(v.digits) ? [BigInt(v.digits)] : []))
    if (ids.length === all.length && ids.length > 0) return ids
  }
  return undefined
}

/** @throws Problem 400 */
export function compile(statement: Statement): Compiled {
  const { patterns, conditions, items, order, limit } = statement
  const pattern = patterns.join(' ')
  const ids: Ids = name => idsOf(conditions, name)
  const shape = SHAPES.flatMap(([known, make]) => {
    const found = known.exec(pattern)
    return found ? [make(found.groups!, ids)] : []
  })[0]
  if (!shape) throw notUnderstood(`no answer matches ${pattern || 'nothing'}`)
  const compiler = new Compiler(shape.variables)
  const chosen = items.map(i => ({ name: i.name, ...compiler.item(i.expression) }))
  const where = conditions.map(c => compiler.sql(c))
  const alias = (e: Expression): string =>
    e.kind === 'name' && items.some(i => i.name === e.name) ? `"${e.name.replaceAll('"', '')}"` : compiler.sql(e)
  const sorted = order.map(o => `${alias(o.expression)}${o.down ? ' DESC' : ''}`)
  const aggregated = items.some(i => i.expression.kind === 'call' && /^(count|avg|sum)$/i.test(i.expression.name))
  const joins = Object.entries(shape.joins).flatMap(([name, join]) =>
    compiler.joined.has(name) ? [`JOIN ${join}`] : [],
  )
  const used = [shape.source, ...joins].join(' ')
  const tables = { segments: { table: 'segments' } as Use, ...shape.from }
  const sql = [
    `SELECT ${chosen.map(c => `${c.sql} AS "${c.name.replaceAll('"', '')}"`).join(', ')}`,
    `FROM ${shape.source}`,
    ...joins,
    ...(where.length > 0 ? [`WHERE ${where.join(' AND ')}`] : []),
    ...(aggregated ? ['GROUP BY ALL'] : []),
    ...(sorted.length > 0 ? [`ORDER BY ${sorted.join(', ')}`] : []),
    ...(limit === undefined ? [] : [`LIMIT ${limit}`]),
  ].join('\n')
  return {
    sql,
    from: Object.fromEntries(
      Object.entries(tables).filter(([name]) => new RegExp(`\\b${name} |\\b${name}\\)`).test(used)),
    ),
    columns: chosen.map(c => c.name),
    json: new Set(chosen.filter(c => c.json).map(c => c.name)),
  }
}
