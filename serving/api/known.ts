// Whether a release has a segment; where it has not, which other release of the dataset has.
import type { Release } from '../../domain/release.ts'
import { notFound } from '../problem.ts'
import type { Engine } from '../query/engine.ts'
import type { Releases } from '../releases.ts'
import { nameOf } from './route.ts'

/** Other releases that are looked at. */
const OTHERS = 4

/** An id as SQL has it: of the type of the columns, so that their statistics count. */
export const uint64 = (id: string): string => `${BigInt(id)}::UBIGINT`

export function knownSegments(catalogue: Releases, engine: Engine) {
  /** The row of a segment, or none. */
  const rowOf = async (release: Release, id: string): ReturnType<Engine['rows']> =>
    engine.rows({
      release,
      from: { s: { table: 'segments', segments: [BigInt(id)] } },
      sql: `SELECT * FROM s WHERE segment = ${uint64(id)} LIMIT 1`,
    })
  return {
    rowOf,
    /** @throws Problem 404 where the release has no such segment */
    async mustHave(release: Release, id: string): Promise<void> {
      if ((await rowOf(release, id)).rows.length > 0) return
      const listed = (await catalogue.datasets()).find(d => d.dataset === release.dataset)
      const others = (listed?.releases ?? []).filter(r => r.release !== release.release).slice(0, OTHERS)
      const having: string[] = []
      for (const r of others) if ((await rowOf(r, id).catch(() => undefined))?.rows.length) having.push(nameOf(r))
      throw notFound(
        `release ${nameOf(release)} has no segment ${id}`,
        having.length > 0
          ? `${having.join(', ')} has: ask that, or ask this one for the segment at a point of it`
          : 'ask for the segment at a point; 0 is background and no segment',
      )
    },
  }
}
