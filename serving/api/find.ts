// Which release a request is about: a release by name, the one that a channel names, or named at a time.
import type { FastifyReply } from 'fastify'
import type { Release } from '../../domain/release.ts'
import { channelMoves } from '../../storage/provenance/channel-moves.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { notFound } from '../problem.ts'
import { isChannel, type Releases } from '../releases.ts'
import { nameOf, RELEASE_HEADER } from './route.ts'

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
