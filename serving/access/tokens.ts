// Who a bearer token names: one of the bucket, read again every few seconds so that a revoked one ends, or one of an OIDC issuer by its signature, issuer, audience, time, and the roles in one claim.
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import { ALL, ROLES, type Grant, type Identity, type Role } from '../../domain/access.ts'
import { isHillockError } from '../../domain/errors.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { listTokens, type Token } from '../../storage/tokens.ts'
import { Problem } from '../problem.ts'
import type { OidcSettings } from './settings.ts'

/** Of public keys alone: whoever knows a public key could sign with the symmetric ones. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
const ANSWER_MS = 5000
/** An unknown key makes the keys be fetched again, this far apart. */
const COOLDOWN_MS = 10_000
/** Clocks of two machines differ. */
const TOLERANCE_S = 5

const Discovery = z.object({ issuer: z.string(), jwks_uri: z.url() })

const away = (what: string): Problem =>
  new Problem(503, `the issuer of tokens does not answer: ${what}`, 'try again', { 'retry-after': '5' })

export const refusedToken = (why: string): Problem =>
  new Problem(401, `the token is not taken: ${why}`, 'get a new one and send it as `Authorization: Bearer TOKEN`', {
    'www-authenticate': 'Bearer error="invalid_token"',
  })

/** Who a token of the issuer names. @throws Problem 401 for one that is not good, 503 while the issuer is away */
export function oidcReader({ issuer, audience, claim }: OidcSettings): (token: string) => Promise<Identity> {
  let finding: Promise<JWTVerifyGetKey> | undefined
  const keys = (): Promise<JWTVerifyGetKey> => {
    finding ??= findKeys(issuer)
    finding.catch(() => (finding = undefined))
    return finding
  }
  return async token => {
    const found = await keys()
    try {
      const { payload } = await jwtVerify(token, found, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: TOLERANCE_S,
      })
      return { name: payload.sub!, grants: grantsOf(payload, claim) }
    } catch (e) {
      if (e instanceof errors.JWKSTimeout || !(e instanceof errors.JOSEError) || e.code === 'ERR_JOSE_GENERIC')
        throw away((e as Error).message)
      throw refusedToken(e.message)
    }
  }
}

async function findKeys(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'error' })
    .then(r => (r.ok ? r.json() : Promise.reject(new Error(`status ${r.status}`))))
    .catch((e: unknown) => {
      throw away(`${url}: ${(e as Error).message}`)
    })
  const said = Discovery.safeParse(answer)
  if (!said.success || said.data.issuer !== issuer) throw away(`${url} is not the configuration of ${issuer}`)
  return createRemoteJWKSet(new URL(said.data.jwks_uri), { timeoutDuration: ANSWER_MS, cooldownDuration: COOLDOWN_MS })
}

/** `operator` for every dataset, `operator:demo` for one; what is no role of ours is left aside. */
function grantsOf(payload: JWTPayload, claim: string): Grant[] {
  const at = (value: unknown, key: string): unknown =>
    value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined
  const value = payload[claim] ?? claim.split('.').reduce(at, payload as unknown)
  const said = typeof value === 'string' ? value.split(/[\s,]+/) : Array.isArray(value) ? value : []
  return said.flatMap(text => {
    const [role, dataset = ALL, ...more] = String(text).split(':')
    return (ROLES as readonly string[]).includes(role!) && more.length === 0 && dataset !== ''
      ? [{ role: role as Role, datasets: [dataset] }]
      : []
  })
}

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
