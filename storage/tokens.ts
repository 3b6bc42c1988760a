// Bearer tokens, `tokens/<id>.json`: only their hash lies in the bucket, written once, and a second object ends one.
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { ROLES } from '../domain/access.ts'
import { configError } from '../domain/errors.ts'
import { sha256 } from '../domain/recipe.ts'
import { mapBounded } from './bounded.ts'
import { getDocument, standing } from './documents.ts'
import type { ObjectStore } from './object-store.ts'
import { putSealed } from './sealed.ts'

export const Token = z.strictObject({
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  datasets: z.array(z.string()).min(1),
  /** sha256 of the token, which is random: nothing can be guessed from it. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  by: z.string(),
  at: z.string(),
  expires: z.string().nullable(),
})
export type Token = z.infer<typeof Token>

const ROOT = 'tokens/'
const REVOKED = '.revoked.json'
const PREFIX = 'hillock_'

export const isToken = (text: string): boolean => text.startsWith(PREFIX)

/** Makes a token; its text is given once and kept nowhere. @throws HillockError ConfigError when a token of that name stands */
export async function makeToken(
  objects: ObjectStore,
  given: Pick<Token, 'name' | 'role' | 'datasets' | 'by' | 'expires'>,
): Promise<{ token: Token; text: string }> {
  if ((await listTokens(objects)).some(t => t.name === given.name))
    throw configError(`there is a token called ${given.name}: choose another name, or revoke it first`)
  const text = PREFIX + randomBytes(32).toString('base64url')
  const hash = sha256(text)
  const token = { ...given, id: hash.slice(0, 12), hash, at: new Date().toISOString() }
  await putSealed(objects, `${ROOT}${token.id}.json`, token)
  return { token, text }
}

/**
 * Tokens that were not revoked; expired ones too.
 * @param known those read before, which never change
 * @param damaged hears of those that cannot be read; without it the first of them is thrown
 */
export async function listTokens(
  objects: ObjectStore,
  known: readonly Token[] = [],
  damaged = (e: unknown): void => {
    throw e
  },
): Promise<Token[]> {
  const before = new Map(known.map(t => [`${ROOT}${t.id}.json`, t]))
  const keys = await standing(objects, ROOT, REVOKED)
  const found = await mapBounded(
    keys,
    32,
    async k => before.get(k) ?? (await getDocument(objects, k, 'token', Token).catch(damaged)),
  )
  return found.flatMap(t => t ?? [])
}

/** Whether one was ever made: who has revoked the last one has not opened the door. */
export async function anyToken(objects: ObjectStore): Promise<boolean> {
  for await (const _ of objects.list(ROOT)) return true
  return false
}

/** @param name of a token, or its id. @returns false when there is none */
export async function revokeToken(
  objects: ObjectStore,
  name: string,
  why: { by: string; reason: string },
): Promise<Token | undefined> {
  const token = (await listTokens(objects)).find(t => t.name === name || t.id === name)
  if (token) await putSealed(objects, `${ROOT}${token.id}${REVOKED}`, { ...why, at: new Date().toISOString() })
  return token
}
