// When a channel began to name a release: one immutable object for each move, so that a time can be asked for.
import { z } from 'zod'
import { getDocument } from '../documents.ts'
import type { ObjectStore } from '../object-store.ts'
import { putSealed } from '../sealed.ts'

const ChannelMove = z.strictObject({
  /** In ms since 1970. */
  at: z.number().int(),
  /** Null where it was unset. */
  release: z.string().nullable(),
  by: z.string(),
  reason: z.string(),
})
export type ChannelMove = z.infer<typeof ChannelMove>

const prefix = (dataset: string, channel: string): string => `channel-moves/${dataset}/${channel}/`

const readMove = async (objects: ObjectStore, key: string): Promise<ChannelMove> =>
  (await getDocument(objects, key, 'move of a channel', ChannelMove))!

/** All moves of a channel, the oldest first. @throws HillockError MissingArtifact where one is damaged */
export async function channelMoves(objects: ObjectStore, dataset: string, channel: string): Promise<ChannelMove[]> {
  const out: ChannelMove[] = []
  for await (const key of objects.list(prefix(dataset, channel))) out.push(await readMove(objects, key))
  return out
}

/** Says that a channel names a release from now on, unless that is what was said last. */
export async function recordChannelMove(
  objects: ObjectStore,
  dataset: string,
  channel: string,
  { release, by, reason }: Omit<ChannelMove, 'at'>,
  at: number,
): Promise<void> {
  let last: string | undefined
  for await (const key of objects.list(prefix(dataset, channel))) last = key
  const named = last === undefined ? null : (await readMove(objects, last)).release
  if (named === release) return
  // Called by its time, so that a list has them in order.
  const name = `${String(at).padStart(15, '0')}-${release ?? 'unset'}`
  await putSealed(objects, `${prefix(dataset, channel)}${name}.json`, { at, release, by, reason })
}
