// Notes of where a subtree was found before, `memo/<ab>/<name>`: a cache, each of which may be lost at the price of a look at everything.
import { z } from 'zod'
import { HillockError } from '../domain/errors.ts'
import { Digest } from '../domain/recipe.ts'
import type { ObjectStore } from './object-store.ts'
import { getDocument } from './documents.ts'
import { putSealed } from './sealed.ts'

const Note = z.strictObject({ of: z.string(), page: Digest })

export const cacheNoteKey = (name: Digest): string => `memo/${name.slice(0, 2)}/${name}`

/** IndexNode that a note leads to; undefined where there is none. @throws HillockError MissingArtifact when it is damaged or is another's. */
export async function readCacheNote(objects: ObjectStore, key: string): Promise<Digest | undefined> {
  const note = await getDocument(objects, key, 'note', Note)
  if (note && note.of !== key) throw new HillockError('MissingArtifact', `${key} is the note of another subtree`)
  return note?.page
}

export const putCacheNote = (objects: ObjectStore, key: string, page: Digest): Promise<'created' | 'exists'> =>
  putSealed(objects, key, { of: key, page })
