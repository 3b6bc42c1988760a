// `hillock token make|list|revoke`: who may change things through the server, and read what is not public.
import { ALL, ROLES, type Role } from '../../domain/access.ts'
import { configError } from '../../domain/errors.ts'
import { listTokens, makeToken, revokeToken, type Token } from '../../storage/tokens.ts'
import { bucket, datasets } from '../catalogue.ts'
import { secondsOf } from '../numbers.ts'
import { say, type JsonOption } from '../report.ts'
import { operator } from './operate.ts'

interface MakeOptions extends JsonOption {
  readonly role: string
  readonly datasets: string
  readonly expires: string
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/

export async function make(name: string, o: MakeOptions): Promise<void> {
  if (!NAME.test(name)) throw configError(`${name}: a name has up to 64 letters, digits and _ . @ -`)
  if (!(ROLES as readonly string[]).includes(o.role)) throw configError(`--role ${o.role}: one of ${ROLES.join(', ')}`)
  const objects = bucket()
  const named = o.datasets.split(',').map(d => d.trim())
  const known = await datasets(objects)
  // A dataset that is yet to come may be meant; a slip of the pen is seen.
  const unknown = named.filter(d => d !== ALL && !known.includes(d))
  if (unknown.length > 0) console.error(`there is no release yet of ${unknown.join(', ')}`)
  const expires =
    o.expires === 'never' ? null : new Date(Date.now() + secondsOf('--expires', o.expires, 60) * 1000).toISOString()
  const role = o.role as Role
  const { token, text } = await makeToken(objects, { name, role, datasets: named, by: operator(), expires })
  say(o, { ...shown(token), token: text }, [line(token), text, 'It is shown this once: only its hash is kept.'])
}

export async function list(o: JsonOption): Promise<void> {
  const tokens = (await listTokens(bucket())).sort((a, b) => (a.name < b.name ? -1 : 1))
  say(o, { tokens: tokens.map(shown) }, tokens.length === 0 ? 'no token yet' : tokens.map(line))
}

export async function revoke(name: string, o: JsonOption & { readonly reason: string }): Promise<void> {
  const token = await revokeToken(bucket(), name, { by: operator(), reason: o.reason })
  if (!token) throw configError(`no token ${name} stands; \`hillock token list\` names them`)
  say(o, { revoked: token.name, id: token.id }, `${token.name} is revoked: servers refuse it within seconds`)
}

const shown = (t: Token): object => ({ ...t, hash: undefined })

const line = (t: Token): string =>
  `${t.id}  ${t.name.padEnd(20)} ${t.role.padEnd(11)} ${t.datasets.join(',')}  ${expiryOf(t)}, made by ${t.by} on ${t.at.slice(0, 10)}`

const expiryOf = ({ expires }: Token): string =>
  expires === null
    ? 'never expires'
    : `${new Date(expires).getTime() < Date.now() ? 'EXPIRED' : 'expires'} ${expires.slice(0, 16)}Z`
