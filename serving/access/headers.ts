// Headers of every answer: what a browser may do with it, and which pages of other origins may read it.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ALL } from '../../domain/access.ts'

/** Pages bring their style along. */
const CONTENT = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
]
const PAGES = [...CONTENT, "frame-ancestors 'self'"].join('; ')

/** The viewer reads layers from anywhere, works in threads, makes code of its own, and may stand in the page of a notebook. */
const VIEWER = [
  ...CONTENT,
  "script-src 'self' 'unsafe-eval' blob:",
  "worker-src 'self' blob:",
  'connect-src * data: blob:',
  "font-src 'self' data:",
].join('; ')

const SECURITY = {
  'cross-origin-opener-policy': 'same-origin-allow-popups',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

export const PREFLIGHT = {
  'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
  'access-control-allow-headers': 'authorization, range, if-none-match, if-range, content-type, x-namespace',
  'access-control-max-age': '86400',
}

/** Never with credentials: a page elsewhere that wants more than anyone may see sends a token, not the cookie of a browser. */
export function headers(request: FastifyRequest, reply: FastifyReply, origins: readonly string[]): void {
  reply.headers({ ...SECURITY, 'content-security-policy': request.url.startsWith('/viewer/') ? VIEWER : PAGES })
  if (request.protocol === 'https') reply.header('strict-transport-security', 'max-age=31536000')
  const { origin } = request.headers
  const allowed = origins.includes(ALL) ? ALL : origin !== undefined && origins.includes(origin) ? origin : undefined
  if (allowed === undefined) return
  reply.headers({
    'access-control-allow-origin': allowed,
    'access-control-expose-headers': EXPOSED,
  })
}

const EXPOSED = 'accept-ranges, content-length, content-range, etag, hillock-release'

/** Whether a page of ours made the request, or no page at all. */
export function isOwn({ headers: h, host }: FastifyRequest): boolean {
  const site = h['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  return h.origin === undefined || (URL.canParse(h.origin) && new URL(h.origin).host === host)
}
