// Sealed JSON: a small document that carries the digest of all else it says, so that one flipped byte anywhere in it is found.
import { canonicalMembers, canonicalObject, type Json } from '../domain/canonical.ts'
import { HillockError } from '../domain/errors.ts'
import { sha256 } from '../domain/recipe.ts'
import type { ObjectStore } from './object-store.ts'

/** Canonical JSON of an object with `seal`: the sha256 of its canonical JSON without. */
export function sealed(value: object): string {
  const members = canonicalMembers(value as Record<string, Json>)
  const behind = members.findIndex(([key]) => key > 'seal')
  const seal = ['seal', `"seal":"${sha256(canonicalObject(members))}"`] as const
  return canonicalObject(members.toSpliced(behind < 0 ? members.length : behind, 0, seal))
}

/** @throws HillockError MissingArtifact when `text` is not what `sealed` made; `name` says what it is. */
export function unsealed(text: string, name: string): object {
  const damaged = (why: string): HillockError =>
    new HillockError('MissingArtifact', `${name} is damaged: ${why}`, { name })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (e) {
    throw damaged(`it is not JSON (${(e as Error).message})`)
  }
  const { seal: _, ...value } = (json ?? {}) as Record<string, Json>
  // Of the whole text, which also finds what JSON does not mind: white space, escapes, a key given twice.
  if (text !== sealed(value)) throw damaged('its seal is not that of what it says')
  return value
}

export const putSealed = (objects: ObjectStore, key: string, value: object): Promise<'created' | 'exists'> =>
  objects.putIfAbsent(key, Buffer.from(sealed(value)))

/** @throws HillockError MissingArtifact when it is damaged. */
export async function getSealed(objects: ObjectStore, key: string): Promise<object | undefined> {
  const bytes = await objects.get(key)
  return bytes && unsealed(Buffer.from(bytes).toString(), key)
}
