// Signing in with a browser: a page takes a token, and a cookie holds it that no script reads and no other site sends.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Identity } from '../../domain/access.ts'
import { html, page } from '../pages/html.ts'
import { badRequest, unless } from '../problem.ts'
import { anyone } from '../request.ts'

const COOKIE = 'hillock_session'
const FORM = 'application/x-www-form-urlencoded'
const LARGEST = 16 << 10

const cookieOf = (request: FastifyRequest): string | undefined =>
  /(?:^|;\s*)hillock_session=([^;\s]+)/.exec(request.headers.cookie ?? '')?.[1]

/** Who is signed in; nobody where the session has ended. */
export async function sessionOf(
  request: FastifyRequest,
  identify: (token: string) => Promise<Identity>,
): Promise<Identity | undefined> {
  const token = cookieOf(request)
  return token === undefined ? undefined : identify(token).catch(unless(401))
}

const setCookie = (request: FastifyRequest, reply: FastifyReply, rest: string): FastifyReply =>
  reply.header(
    'set-cookie',
    `${COOKIE}=${rest}; Path=/; HttpOnly; SameSite=Strict${request.protocol === 'https' ? '; Secure' : ''}`,
  )

/** Only within this server. */
const target = (to: unknown): string => (typeof to === 'string' && /^\/(?![/\\])[\x21-\x7e]*$/.test(to) ? to : '/')

export async function sessionRoutes(app: FastifyInstance): Promise<void> {
  app.addContentTypeParser(FORM, { parseAs: 'string', bodyLimit: LARGEST }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
  app.get('/login', anyone, async (request, reply) => {
    const who = await sessionOf(request, token => app.identify(token))
    const { to } = request.query as { to?: unknown }
    return reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(loginPage(who, target(to)))
  })

  app.post('/login', anyone, async (request, reply) => {
    const { token, to } = (request.body ?? {}) as { token?: unknown; to?: unknown }
    if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token.trim()) || token.includes(';'))
      throw badRequest('there is no token in the form', 'paste the token that `hillock token make` has shown')
    await app.identify(token.trim())
    return setCookie(request, reply, token.trim()).redirect(target(to), 303)
  })

  app.post('/logout', anyone, async (request, reply) =>
    setCookie(request, reply, '; Max-Age=0').redirect('/login', 303),
  )
}

const loginPage = (who: Identity | undefined, to: string): string =>
  page(
    who ? who.name : 'Sign in',
    html`<a href="/">Datasets</a>`,
    html`<div class="card">
      ${
        who
          ? html`<p>${who.grants.map(g => html`${g.role} for ${g.datasets.join(', ')} `)}</p>
              <form method="post" action="/logout"><button>Sign out</button></form>`
          : html`<form method="post" action="/login">
              <label
                >Token <input name="token" type="password" autocomplete="current-password" required autofocus
              /></label>
              <input name="to" type="hidden" value="${to}" />
              <button>Sign in</button>
            </form>`
      }
      <p class="soft">Tokens are made with <code>hillock token make NAME --role operator</code>.</p>
    </div>`,
  )
