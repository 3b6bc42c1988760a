// Sealed documents of a known shape: what has another is as damaged as what has another seal.
import type { z } from 'zod'
import { HillockError } from '../domain/errors.ts'
import { wrongFields } from './lineage-record.ts'
import type { ObjectStore } from './object-store.ts'
import { getSealed } from './sealed.ts'

/** @param what it should be, in words. @throws HillockError MissingArtifact when it is damaged, or not that. */
export async function getDocument<T>(
  objects: ObjectStore,
  key: string,
  what: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const value = await getSealed(objects, key)
  const parsed = value && schema.safeParse(value)
  if (parsed?.success === false)
    throw new HillockError('MissingArtifact', `${key} is no ${what}: ${wrongFields(parsed.error.issues)}`, {
      name: key,
    })
  return parsed?.data
}

/** Keys below a prefix, but those that a second object of the same name and this ending has put an end to. */
export async function standing(objects: ObjectStore, prefix: string, ended: string): Promise<string[]> {
  const keys = new Set(await Array.fromAsync(objects.list(prefix)))
  return [...keys].filter(k => !k.endsWith(ended) && !keys.has(k.replace(/\.json$/, ended)))
}
