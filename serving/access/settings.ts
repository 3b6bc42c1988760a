// What the environment says about access: who reads without a token, which other origins may call, how often, who names people.
import { ALL } from '../../domain/access.ts'
import { configError, type HillockError } from '../../domain/errors.ts'
import { isLoopback } from '../../client/processes/serving-host.ts'

export interface OidcSettings {
  readonly issuer: string
  readonly audience: string
  /** Claim with the roles: its name, or the path to it with dots. */
  readonly claim: string
}

export interface AccessSettings {
  /** Datasets that anyone may read; `*`: all. */
  readonly public: readonly string[]
  /** Origins beside our own whose pages may call with a token; `*`: any, for reading alone. */
  readonly origins: readonly string[]
  /** Requests that one token or address may make in a minute; 0: as many as they like. */
  readonly rate: number
  /** Addresses of proxies before this server, whose word on who asks and how is taken. */
  readonly proxies: readonly string[]
  readonly oidc?: OidcSettings
}

/** As it is where nothing is set: everything is read by whoever reaches the port, nothing is changed without a token. */
export const OPEN: AccessSettings = { public: [ALL], origins: [ALL], rate: 0, proxies: [] }

const OTHERS_RATE = 60_000
const NONE = 'none'

/** @throws HillockError ConfigError that names the variable */
export function accessSettings(env: NodeJS.ProcessEnv, host: string): AccessSettings {
  const wrong = (name: string, why: string): HillockError => configError(`${name}: ${why}`)
  const list = (name: string, otherwise: string): string[] => {
    const items = (env[name] || otherwise).split(',').map(s => s.trim())
    return items.length === 1 && items[0] === NONE ? [] : items.filter(s => s !== '')
  }
  const origins = list('HILLOCK_SERVING_ORIGINS', ALL)
  for (const o of origins)
    if (o !== ALL && (!URL.canParse(o) || new URL(o).origin !== o))
      throw wrong('HILLOCK_SERVING_ORIGINS', `${o} is no origin: give it as https://viewer.example.org, without a path`)
  const rate = Number(env['HILLOCK_SERVING_RATE'] || (isLoopback(host) ? 0 : OTHERS_RATE))
  if (!Number.isSafeInteger(rate) || rate < 0)
    throw wrong('HILLOCK_SERVING_RATE', 'give the requests a minute as a whole number; 0 is no limit')
  const oidc = oidcSettings(env, wrong)
  return {
    public: list('HILLOCK_SERVING_PUBLIC', ALL),
    origins,
    rate,
    proxies: list('HILLOCK_SERVING_PROXY', NONE),
    ...(oidc && { oidc }),
  }
}

function oidcSettings(
  env: NodeJS.ProcessEnv,
  wrong: (name: string, why: string) => HillockError,
): OidcSettings | undefined {
  const issuer = env['HILLOCK_OIDC_ISSUER']
  const audience = env['HILLOCK_OIDC_AUDIENCE']
  if (!issuer && !audience) return undefined
  if (!issuer || !URL.canParse(issuer))
    throw wrong('HILLOCK_OIDC_ISSUER', 'give the address of the issuer, as it stands in `iss`')
  if (!audience) throw wrong('HILLOCK_OIDC_AUDIENCE', 'say for whom tokens must be meant, as it stands in `aud`')
  const { protocol, hostname } = new URL(issuer)
  if (protocol !== 'https:' && !isLoopback(hostname))
    throw wrong('HILLOCK_OIDC_ISSUER', `${issuer}: keys are fetched over https only`)
  return { issuer, audience, claim: env['HILLOCK_OIDC_CLAIM'] || 'roles' }
}
