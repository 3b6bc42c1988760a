// Which release a request is about: one by name, the one that a channel names, or named at a time; and whether it has a segment, or which other release of the dataset has.
import type { FastifyReply } from 'fastify'
import type { Release } from '../../domain/release.ts'
import { notFound } from '../problem.ts'
import type { Engine } from '../query/engine.ts'
import { channelMoves } from '../../storage/provenance/channel-moves.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { isChannel, type Releases } from '../releases.ts'
import { nameOf, RELEASE_HEADER } from './route.ts'

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

/** ISO 8601 with a zone: a release can't be called so. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

/** The release that `published` named at a time. @throws Problem 404 for a time before its first */
async function releaseAt(objects: ObjectStore, dataset: string, text: string): Promise<string> {
  const time = Date.parse(text)
  // The 30th of February would be read as a day in March.
  const day = text.slice(0, 10)
  if (Number.isNaN(time) || new Date(day).toISOString().slice(0, 10) !== day)
    throw notFound(`${text} is no time`, 'give one as 2026-11-27T06:00:00Z')
  const moves = await channelMoves(objects, dataset, 'published')
  const move = moves.findLast(m => m.at <= time)
  if (move?.release) return move.release
  const first = moves[0]
  throw notFound(
    `dataset ${dataset} had no published release at ${text}`,
    first
      ? `its first was ${first.release}, published at ${new Date(first.at).toISOString()}`
      : 'none was ever published there: name a release that the list has',
  )
}

/** Finds releases for requests, and says in a header which one it is. @throws Problem 404 */
export const finder =
  (objects: ObjectStore, catalogue: Releases) =>
  async (reply: FastifyReply, dataset: string, name: string): Promise<Release> => {
    const moving = isChannel(name) || TIME.test(name)
    const release = await catalogue.open(
      dataset,
      isChannel(name)
        ? await catalogue.resolve(dataset, name)
        : moving
          ? await releaseAt(objects, dataset, name)
          : name,
    )
    // A time that is not over may still get another release.
    const fixed = !moving || (!isChannel(name) && Date.parse(name) < Date.now() - SETTLED_MS)
    reply.header(RELEASE_HEADER, nameOf(release))
    reply.header('cache-control', fixed ? 'public, max-age=31536000, immutable' : 'no-cache')
    return release
  }

/** After so long a move of a channel is on record. */
const SETTLED_MS = 60_000
