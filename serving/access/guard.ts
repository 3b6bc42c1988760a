// What stands before every route: the role that it declares, who asks, for which dataset, from which origin, how often.
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ALL, may, type Identity, type Role } from '../../domain/access.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { Problem } from '../problem.ts'
import { checkRequest } from '../request.ts'
import { headers, isOwn } from './headers.ts'
import { sessionOf } from './session.ts'
import type { AccessSettings } from './settings.ts'
import { oidcReader, refusedToken, tokenReader } from './tokens.ts'
import { isToken } from '../../storage/tokens.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may ask: `anyone` where nothing of a dataset is said. A parameter `:dataset` in the path is checked for it. */
    role?: Role | 'anyone'
  }
  interface FastifyRequest {
    who: Identity | undefined
    /** Whether the request may do as much; for routes whose path does not name the dataset. */
    may(role: Role, dataset?: string): boolean
  }
  interface FastifyInstance {
    /** Who a bearer token names. @throws Problem 401 */
    identify(token: string): Promise<Identity>
  }
}

export interface GuardOptions {
  readonly store: ObjectStore
  readonly settings: AccessSettings
  /** Names of this server, where it listens for this machine only; see `checkRequest`. */
  readonly names: readonly string[] | undefined
}

const SAFE = ['GET', 'HEAD', 'OPTIONS']
const BEARER = /^bearer +(\S+)$/i
const MINUTE_MS = 60_000
/** Changes that one token or address may make in a minute. */
const CHANGES = 60

const changes = (request: FastifyRequest): boolean =>
  !SAFE.includes(request.method) && request.routeOptions.config.role !== 'viewer'

/** To be called before any route is made: one that declares no role is never served. */
export function guard(app: FastifyInstance, { store, settings, names }: GuardOptions): void {
  const { oidc, origins, rate } = settings
  const readToken = tokenReader(store)
  const readOidc = oidc && oidcReader(oidc)
  const identify = async (token: string): Promise<Identity> => {
    if (isToken(token)) return readToken(token)
    if (!readOidc) throw refusedToken('it is none of this server')
    return readOidc(token)
  }
  const isPublic = (dataset: string | undefined): boolean =>
    settings.public.includes(ALL) ||
    (dataset === undefined ? settings.public.length > 0 : settings.public.includes(dataset))

  app.decorate('identify', identify)
  app.decorateRequest('who')
  app.decorateRequest('may', function (this: FastifyRequest, role: Role, dataset?: string): boolean {
    return (role === 'viewer' && isPublic(dataset)) || (this.who !== undefined && may(this.who, role, dataset))
  })

  const undeclared: string[] = []
  app.addHook('onRoute', route => {
    // The plugin of static files has no say over its routes: the viewer, which is the same for everybody.
    if (route.url.startsWith('/viewer/')) route.config = { ...route.config, role: 'anyone' }
    if (route.config?.role === undefined) undeclared.push(`${String(route.method)} ${route.url}`)
  })
  app.addHook('onReady', async () => {
    if (undeclared.length > 0) throw new Error(`routes that declare no role in their config: ${undeclared.join(', ')}`)
  })

  app.addHook('onRequest', async (request, reply) => {
    headers(request, reply, origins)
    checkRequest(request, names)
    if (request.is404) return
    const role = request.routeOptions.config.role!
    const authorization = request.headers.authorization
    if (changes(request)) checkOrigin(request, authorization !== undefined && origins.includes(request.headers.origin!))
    if (role === 'anyone') return
    if (authorization !== undefined) {
      const token = BEARER.exec(authorization)?.[1]
      if (token === undefined) throw refusedToken('the header is not `Authorization: Bearer TOKEN`')
      request.who = await identify(token)
    } else request.who = await sessionOf(request, identify)
    const { dataset } = request.params as { dataset?: string }
    mustBeAllowed(request, role, dataset)
  })

  app.addHook('onSend', async (request, reply) => {
    const before = (name: string): string => String(reply.getHeader(name) ?? '')
    if (!origins.includes(ALL)) reply.header('vary', [before('vary'), 'origin'].filter(v => v !== '').join(', '))
    // What somebody sees by a token is kept by nobody else on the way.
    const kept = before('cache-control')
    if (request.who && !kept.includes('no-store'))
      reply.header('cache-control', `private, ${kept.replace(/^public, /, '') || 'no-cache'}`)
  })

  app.register(rateLimit, {
    timeWindow: MINUTE_MS,
    max: request => (changes(request) ? CHANGES : rate),
    allowList: request => rate === 0 && !changes(request),
    keyGenerator: request =>
      `${changes(request) ? 'change' : 'read'} ${request.who ? `by ${request.who.name}` : request.ip}`,
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    errorResponseBuilder: (_request, { max, ttl }) =>
      new Problem(
        429,
        `more than ${max} requests in a minute`,
        'come again later; HILLOCK_SERVING_RATE sets the limit',
        {
          'retry-after': String(Math.ceil(ttl / 1000)),
        },
      ),
  })
}

function checkOrigin(request: FastifyRequest, listed: boolean): void {
  if (isOwn(request) || listed) return
  throw new Problem(
    403,
    `a page of ${request.headers.origin ?? 'another origin'} may change nothing here`,
    'open the page of this server; HILLOCK_SERVING_ORIGINS lists other origins whose pages may send a token',
  )
}

/** For routes whose path does not name the dataset. @throws Problem 401, 403 */
export function mustBeAllowed(request: FastifyRequest, role: Role, dataset: string | undefined): void {
  if (request.may(role, dataset)) return
  const what = `this needs the role ${role}${dataset === undefined ? '' : ` for ${dataset}`}`
  if (!request.who)
    throw new Problem(401, what, 'sign in at /login, or send `Authorization: Bearer TOKEN` (`hillock token make`)', {
      'www-authenticate': 'Bearer',
    })
  throw new Problem(403, `${what}, which ${request.who.name} does not have`, 'ask an admin for a token with that role')
}
