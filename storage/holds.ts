// Holds on a dataset: while one is there no new run of it begins and no release of it is published but by its holder.
import { z } from 'zod'
import type { ObjectStore } from './object-store.ts'
import { getDocument, standing } from './documents.ts'
import { putSealed } from './sealed.ts'

export const Hold = z.strictObject({ id: z.string(), by: z.string(), reason: z.string(), workflowId: z.string() })
export type Hold = z.infer<typeof Hold>

const prefix = (dataset: string): string => `holds/${dataset}/`
const RELEASED = '.released.json'

/** Puts a hold; one that was put already, or has been released since, stays as it is. */
export const putHold = (objects: ObjectStore, dataset: string, hold: Hold): Promise<'created' | 'exists'> =>
  putSealed(objects, `${prefix(dataset)}${hold.id}.json`, hold)

/** Releases a hold for good: objects are never deleted, so a second one says so. Also for one that has not been put yet, or never will. */
export const releaseHold = (objects: ObjectStore, dataset: string, id: string): Promise<'created' | 'exists'> =>
  putSealed(objects, `${prefix(dataset)}${id}${RELEASED}`, { id })

/** Holds that are in force. */
export async function activeHolds(objects: ObjectStore, dataset: string): Promise<Hold[]> {
  const open = await standing(objects, prefix(dataset), RELEASED)
  const found = await Promise.all(open.map(k => getDocument(objects, k, 'hold', Hold)))
  return found.flatMap(h => (h ? [h] : []))
}
