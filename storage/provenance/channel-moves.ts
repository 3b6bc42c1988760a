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

/** A move is called by its time, so that the list has them in order. */
export const putChannelMove = async (
  objects: ObjectStore,
  dataset: string,
  channel: string,
  move: ChannelMove,
): Promise<void> =>
  void (await putSealed(
    objects,
    `${prefix(dataset, channel)}${String(move.at).padStart(15, '0')}-${move.release ?? 'unset'}.json`,
    move,
  ))

/** All moves of a channel, the oldest first. @throws HillockError MissingArtifact where one is damaged */
export async function channelMoves(objects: ObjectStore, dataset: string, channel: string): Promise<ChannelMove[]> {
  const out: ChannelMove[] = []
  for await (const key of objects.list(prefix(dataset, channel)))
    out.push((await getDocument(objects, key, 'move of a channel', ChannelMove))!)
  return out
}
