// A shortest way along synapses: from both ends at once, so that few segments are looked at; never more than so many.
import type { Release } from '../../domain/release.ts'
import { tooMuch } from '../problem.ts'
import type { Engine } from '../query/engine.ts'

/** Segments that are looked at, from either end. */
const MOST = 100_000

interface Step {
  readonly via: bigint
  readonly count: number
}

interface Path {
  readonly segments: readonly bigint[]
  /** Of each pair on the way. */
  readonly synapses: readonly number[]
}

interface Options {
  readonly max_hops: number
  readonly min_count: number
}

/** Undefined where none is that short. @throws Problem 422 where too many segments would have to be looked at */
export async function shortestPath(
  engine: Engine,
  release: Release,
  from: bigint,
  to: bigint,
  { max_hops: hops, min_count: least }: Options,
): Promise<Path | undefined> {
  const ends = [
    { table: 'edges', own: 'pre', other: 'post', seen: new Map<bigint, Step | null>([[from, null]]) },
    { table: 'edges-by-post', own: 'post', other: 'pre', seen: new Map<bigint, Step | null>([[to, null]]) },
  ] as const
  const edges: bigint[][] = [[from], [to]]
  const meeting = (): bigint | undefined => edges.flat().find(id => ends.every(e => e.seen.has(id)))
  for (let hop = 0; meeting() === undefined; hop++) {
    const side = edges[0]!.length <= edges[1]!.length ? 0 : 1
    if (hop === hops || edges[side]!.length === 0) return undefined
    const { table, own, other, seen } = ends[side]
    const { rows } = await engine.rows({
      release,
      from: { e: { table, segments: edges[side]! } },
      sql: `SELECT ${own} AS here, ${other} AS there, count FROM e
        WHERE ${own} IN (${edges[side]!.join(', ')}) AND count >= ${least} ORDER BY count DESC, here, there LIMIT ${MOST}`,
    })
    const next: bigint[] = []
    for (const { here, there, count } of rows)
      if (!seen.has(there as bigint)) {
        seen.set(there as bigint, { via: here as bigint, count: Number(count) })
        next.push(there as bigint)
      }
    edges[side] = next
    if (rows.length === MOST || seen.size > MOST)
      throw tooMuch(
        `more than ${MOST} segments lie within ${hop + 1} synapses of these two`,
        'ask for stronger connections (min_count), or for fewer hops',
      )
  }
  const middle = meeting()!
  const walk = (side: 0 | 1): { ids: bigint[]; counts: number[] } => {
    const ids: bigint[] = []
    const counts: number[] = []
    for (let step = ends[side].seen.get(middle); step; step = ends[side].seen.get(step.via)) {
      ids.push(step.via)
      counts.push(step.count)
    }
    return { ids, counts }
  }
  const [before, after] = [walk(0), walk(1)]
  return {
    segments: [...before.ids.reverse(), middle, ...after.ids],
    synapses: [...before.counts.reverse(), ...after.counts],
  }
}
