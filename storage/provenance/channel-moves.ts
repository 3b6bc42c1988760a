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
export const channelMoves = (objects: ObjectStore, dataset: string, channel: string): Promise<ChannelMove[]> =>
  Array.fromAsync(objects.list(prefix(dataset, channel)), key => readMove(objects, key))

/** Says that a channel names a release from now on, unless that is what was said last. */
export async function recordChannelMove(
  objects: ObjectStore,
  dataset: string,
  channel: string,
  { release, by, reason }: Omit<ChannelMove, 'at'>,
  at: number,
): Promise<void> {
  const last = (await Array.fromAsync(objects.list(prefix(dataset, channel)))).at(-1)
  const named = last === undefined ? null : (await readMove(objects, last)).release
  if (named === release) return
  // Called by its time, so that a list has them in order.
  const name = `${String(at).padStart(15, '0')}-${release ?? 'unset'}`
  await putSealed(objects, `${prefix(dataset, channel)}${name}.json`, { at, release, by, reason })
}
