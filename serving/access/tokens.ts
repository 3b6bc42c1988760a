// Who a bearer token of the bucket names: those that stand are read again every few seconds, so that a revoked one ends.
import type { Identity } from '../../domain/access.ts'
import { isHillockError } from '../../domain/errors.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { listTokens, type Token } from '../../storage/tokens.ts'
import { refusedToken } from './oidc.ts'

const FRESH_MS = 3000

/** @throws Problem 401 for a token that is unknown, revoked or expired */
export function tokenReader(objects: ObjectStore): (text: string) => Promise<Identity> {
  let known: readonly Token[] = []
  let reading: Promise<Map<string, Token>> | undefined
  let at = -Infinity
  const standing = (): Promise<Map<string, Token>> => {
    if (reading && Date.now() - at < FRESH_MS) return reading
    at = Date.now()
    // One that is damaged is no token, and keeps nobody else out: `hillock verify` finds it.
    const damaged = (e: unknown): void => {
      if (!isHillockError(e, 'MissingArtifact')) throw e
    }
    reading = listTokens(objects, known, damaged).then(tokens => {
      known = tokens
      return new Map(tokens.map(t => [t.hash, t]))
    })
    reading.catch(() => (reading = undefined))
    return reading
  }
  return async text => {
    const token = (await standing()).get(sha256(text))
    if (!token) throw refusedToken('it is not known here, or was revoked')
    if (token.expires !== null && Date.parse(token.expires) <= Date.now())
      throw refusedToken(`it expired on ${token.expires}`)
    return { name: token.name, grants: [{ role: token.role, datasets: token.datasets }] }
  }
}
