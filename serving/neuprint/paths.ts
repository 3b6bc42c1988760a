// Ways from one neuron to another over connections, as neuprint-python asks for them: all of the shortest, or of a length.
import type { Release } from '../../domain/release.ts'
import { tooMuch } from '../problem.ts'
import { isId } from '../query/duckdb.ts'
import type { Engine } from '../query/engine.ts'
import { notUnderstood, parseCondition, type Expression } from './cypher.ts'
import { compile } from './sql.ts'

/** Segments that are looked at, and ways that are given. */
const MOST = 100_000
const MOST_WAYS = 10_000
/** A way that is longer means nothing, and costs the whole graph. */
const LONGEST = 12

const QUERY =
  /^MATCH \(src ?:Neuron \{ bodyId: (\d{1,20}) \}\), \(dest ?:Neuron \{ bodyId: (\d{1,20}) \}\), p = (allShortestPaths\(\(src\)-\[:ConnectsTo\*\]->\(dest\)\)|\(src\)-\[:ConnectsTo\*(1\.\.)?(\d{1,2})\]->\(dest\)) WHERE ALL \(x in relationships\(p\) WHERE x\.weight >= (\d{1,9})\) AND ALL \(n in nodes\(p\) WHERE (.*)\) RETURN \[n in nodes\(p\) \| \[n\.bodyId, n\.type\]\] AS path, \[x in relationships\(p\) \| x\.weight\] AS weights(, length\(p\) AS path_length)?$/i

interface Way {
  readonly ids: readonly bigint[]
  readonly weights: readonly number[]
}

/** Rows of path, weights and, where it is asked for, length; undefined for another query. @throws Problem 400, 422 */
export async function pathsOf(
  engine: Engine,
  release: Release,
  cypher: string,
): Promise<{ columns: string[]; data: unknown[][] } | undefined> {
  const found = QUERY.exec(cypher.trim().replaceAll(/\s+/g, ' '))
  if (!found) return undefined
  const [, from, to, path, , length, least, condition, lengths] = found as unknown as string[]
  if (!isId(from!) || !isId(to!)) throw notUnderstood('a bodyId that is none')
  const shortest = path!.startsWith('all')
  const hops = shortest ? LONGEST : Number(length)
  if (hops > LONGEST) throw notUnderstood(`a path of more than ${LONGEST} connections`)
  const exact = !shortest && found[4] === undefined
  const also = /^true$/i.test(condition!) ? [] : [parseCondition(condition!)]
  const next = (of: readonly bigint[]): Promise<Connection[]> => connections(engine, release, of, Number(least), also)
  const ways = await walk(next, BigInt(from!), BigInt(to!), hops, shortest)
  const chosen = exact ? ways.filter(w => w.weights.length === hops) : ways
  return {
    columns: ['path', 'weights', ...(lengths ? ['path_length'] : [])],
    data: chosen.map(({ ids, weights }) => [ids.map(id => [id, null]), weights, ...(lengths ? [weights.length] : [])]),
  }
}

interface Connection {
  readonly pre: bigint
  readonly post: bigint
  readonly weight: number
}

async function walk(
  connectionsOf: (of: readonly bigint[]) => Promise<Connection[]>,
  from: bigint,
  to: bigint,
  hops: number,
  shortest: boolean,
): Promise<Way[]> {
  /** Connections by where they begin. */
  const onward = new Map<bigint, Connection[]>()
  const depth = new Map([[from, 0]])
  let edge = [from]
  for (let hop = 1; hop <= hops && edge.length > 0 && !(shortest && depth.has(to)); hop++) {
    const next: bigint[] = []
    for (const c of await connectionsOf(edge)) {
      onward.set(c.pre, onward.get(c.pre) ?? [])
      onward.get(c.pre)!.push(c)
      if (depth.has(c.post)) continue
      depth.set(c.post, hop)
      next.push(c.post)
    }
    edge = next
    if (depth.size > MOST)
      throw tooMuch(
        `more than ${MOST} neurons lie within ${hop} connections of ${from}`,
        'ask for stronger connections (min_weight), or for shorter paths',
      )
  }
  const ways: Way[] = []
  const end = shortest ? (depth.get(to) ?? -1) : hops
  const go = (ids: bigint[], weights: number[]): void => {
    const here = ids.at(-1)!
    if (here === to && weights.length > 0 && (!shortest || weights.length === end)) {
      ways.push({ ids: [...ids], weights: [...weights] })
      if (ways.length > MOST_WAYS)
        throw tooMuch(`there are more than ${MOST_WAYS} paths`, 'ask for stronger connections, or shorter paths')
    }
    if (weights.length >= end) return
    for (const { post: there, weight } of onward.get(here) ?? []) {
      // Shortest ones get farther with every step; a connection is used once.
      if (shortest ? depth.get(there) !== weights.length + 1 : ids.some((id, i) => id === here && ids[i + 1] === there))
        continue
      go([...ids, there], [...weights, weight])
    }
  }
  go([from], [])
  return ways
}

/** Connections that begin at some neurons, and whose ends fulfil the conditions. */
async function connections(
  engine: Engine,
  release: Release,
  of: readonly bigint[],
  least: number,
  conditions: readonly Expression[],
): Promise<Connection[]> {
  const bodyId = (name: string): Expression => ({ kind: 'property', of: name, path: 'bodyId' })
  const weight: Expression = { kind: 'property', of: 'e', path: 'weight' }
  const among: Expression = { kind: 'list', items: of.map(id => ({ kind: 'number', digits: String(id) })) }
  const { sql, from } = compile({
    patterns: ['(m:Neuron)-[e:ConnectsTo]->(n:Neuron)'],
    conditions: [
      { kind: 'operation', operator: 'IN', args: [bodyId('m'), among] },
      { kind: 'operation', operator: '>=', args: [weight, { kind: 'number', digits: String(least) }] },
      ...conditions,
    ],
    items: [
      { name: 'pre', expression: bodyId('m') },
      { name: 'post', expression: bodyId('n') },
      { name: 'weight', expression: weight },
    ],
    order: [],
    limit: String(MOST + 1),
  })
  const { rows } = await engine.rows({ release, from, sql })
  return rows.map(r => ({ pre: r['pre'] as bigint, post: r['post'] as bigint, weight: Number(r['weight']) }))
}
