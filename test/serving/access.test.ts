// Who may do what: every route with every role and none, tokens that end, pages of other origins, limits, and what others keep.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ROLES, type Role } from '../../domain/access.ts'
import { sha256 } from '../../domain/recipe.ts'
import { accessSettings, OPEN, type AccessSettings } from '../../serving/access/settings.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { listTokens, makeToken, revokeToken } from '../../storage/tokens.ts'
import { makeFixture, type Fixture } from './fixture.ts'

let fixture: Fixture
let store: ObjectStore
/** By role, for all datasets; `other`: an admin of another dataset. */
const tokens: Record<string, string> = {}
const apps: FastifyInstance[] = []
const changes = vi.fn<(change: Readonly<Record<string, unknown>>) => void>()
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

async function serve(access: Partial<AccessSettings> = {}): Promise<{ app: FastifyInstance; routes: RouteOptions[] }> {
  const app = createServer({ store, viewerDir: '/nonexistent', access: { ...OPEN, ...access }, onChange: changes })
  const routes: RouteOptions[] = []
  app.addHook('onRoute', route => void routes.push(route))
  apps.push(app)
  await app.ready()
  return { app, routes }
}

const make = async (name: string, role: Role, datasets = ['*'], expires: string | null = null): Promise<string> =>
  (await makeToken(store, { name, role, datasets, by: 'test', expires })).text

beforeAll(async () => {
  fixture = await makeFixture()
  store = fileStore(fixture.folder)
  for (const role of ROLES) tokens[role] = await make(role, role)
  tokens['other'] = await make('other', 'admin', ['others'])
})
afterAll(async () => {
  for (const app of apps) await app.close()
  await fixture.remove()
})

describe('every route', () => {
  /** Of these the path does not name the dataset: the handler asks, and is tested for it below or in the tests of its clients. */
  const ASK = [
    '/',
    '/neuron',
    '/runs',
    '/dashboard',
    '/slo/*',
    '/lineage/artifact/:stage/:recipe',
    '/api/v1/datasets',
    '/api/dbmeta/datasets',
    '/info/api/v2/datastacks',
    '/api/custom/custom',
    '/api/custom/arrow',
    '/api/skeletons/skeleton/:named/:body',
    '/api/npexplorer/nglayers/:named',
  ]
  const url = (route: RouteOptions): string =>
    route.url.replace(':dataset', 'blobs').replaceAll(/:\w+/g, 'x').replace('*', 'x')

  it('declares a role, and asks for a dataset by its path where it says something of one', async () => {
    const { routes } = await serve()
    expect(routes.length).toBeGreaterThan(15)
    for (const { url, config } of routes) {
      expect([...ROLES, 'anyone'], url).toContain(config?.role)
      if (config?.role !== 'anyone' && !ASK.includes(url)) expect(url).toContain(':dataset')
    }
    const careless = createServer({ store, viewerDir: '/nonexistent' })
    careless.register(async scope => void scope.get('/careless', async () => 'x'))
    await expect(careless.ready()).rejects.toThrow('GET /careless')
  })

  it('lets in who has the role for the dataset, and nobody else', async () => {
    for (const access of [{}, { public: [] }]) {
      const { app, routes } = await serve(access)
      for (const route of routes.filter(r => r.method !== 'OPTIONS'))
        for (const who of [undefined, 'other', ...ROLES]) {
          const { role } = route.config!
          const open = role === 'anyone' || (role === 'viewer' && access.public === undefined)
          const has =
            who !== undefined &&
            who !== 'other' &&
            role !== 'anyone' &&
            ROLES.indexOf(who as Role) >= ROLES.indexOf(role!)
          // The rights of another dataset let nobody in but where the handler looks.
          if (who === 'other' && ASK.includes(route.url)) continue
          const { statusCode } = await app.inject({
            method: route.method as 'GET',
            url: url(route),
            headers: who === undefined ? {} : bearer(tokens[who]!),
          })
          const name = `${String(route.method)} ${route.url} as ${who} with ${JSON.stringify(access)}`
          if (open || has) expect([401, 403], name).not.toContain(statusCode)
          else expect(statusCode, name).toBe(who === undefined ? 401 : 403)
        }
    }
  })

  it('of the OpenAPI document is among them, and only reads', async () => {
    const { app, routes } = await serve()
    const { paths } = (await app.inject('/openapi.json')).json() as { paths: Record<string, object> }
    const walked = new Set(routes.map(r => `${String(r.method)} ${r.url} ${r.config!.role}`))
    for (const [path, methods] of Object.entries(paths))
      for (const method of Object.keys(methods))
        expect(walked).toContain(`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')} viewer`)
  })

  /** By POST, since what is asked stands in a body. */
  const READ = [
    '/api/v1/datasets/:dataset/releases/:release/segments-at',
    '/api/v1/datasets/:dataset/releases/:release/sql',
    '/api/custom/custom',
    '/api/custom/arrow',
    ...['roots_binary', 'node/leaves_many', 'is_latest_roots', '*'].map(
      path => `/segmentation/api/v1/table/:dataset/${path}`,
    ),
    ...['v2', 'v3'].flatMap(v =>
      ['version/:version/table/:table/query', 'version/:version/query', 'query'].map(
        path => `/materialize/api/${v}/datastack/:dataset/${path}`,
      ),
    ),
  ]

  it('that changes something needs a role above viewer, and is closed to pages of other origins for everybody', async () => {
    const { app, routes } = await serve()
    const changing = routes.filter(r => !['GET', 'HEAD', 'OPTIONS'].includes(String(r.method)) && !READ.includes(r.url))
    expect(changing.length).toBeGreaterThan(5)
    for (const route of changing) {
      const session = ['/login', '/logout'].includes(route.url)
      expect(session || ROLES.indexOf(route.config!.role as Role) > 0, route.url).toBe(true)
      for (const who of ROLES)
        for (const as of [bearer(tokens[who]!), { cookie: `hillock_session=${tokens[who]}` }])
          for (const from of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'same-site' }]) {
            const headers = { host: 'localhost:1', ...as, ...from }
            const { statusCode } = await app.inject({
              method: route.method as 'POST',
              url: url(route),
              headers,
              payload: { reason: 'x' },
            })
            expect(statusCode, `${route.url} as ${who} from ${JSON.stringify(from)}`).toBe(403)
          }
    }
    expect(changes).not.toHaveBeenCalled()
  })

  it('whose path names no dataset says nothing of one that is not to be read', async () => {
    const { app } = await serve({ public: [] })
    const at = async (url: string, token: string): Promise<[number, string]> => {
      const { statusCode, body } = await app.inject({ url, headers: bearer(tokens[token]!) })
      return [statusCode, body]
    }
    const { stage, recipe } = fixture.release.stages!['render']![0]!
    expect(JSON.parse((await at('/?json', 'viewer'))[1])).toHaveLength(1)
    expect(await at('/?json', 'other')).toEqual([200, '[]'])
    for (const url of ['/neuron', '/dashboard'])
      expect([(await at(url, 'viewer'))[0], (await at(url, 'other'))[0]]).toEqual([302, 404])
    const artifact = `/lineage/artifact/${stage}/${recipe}`
    expect((await at(artifact, 'viewer'))[0]).toBe(200)
    for (const url of [artifact, `${artifact}?release=blobs/r1`]) expect((await at(url, 'other'))[0]).toBe(404)
    const levels = createServer({
      store,
      viewerDir: '/nonexistent',
      access: { ...OPEN, public: [] },
      slo: {
        find: async () => ({ runs: [], order: [], version: '' }),
        report: async subject => ({ subject, dataset: 'blobs' }) as never,
      },
    })
    apps.push(levels)
    const level = async (who: string): Promise<number> =>
      (await levels.inject({ url: '/slo/blobs?json', headers: bearer(tokens[who]!) })).statusCode
    expect([await level('viewer'), await level('other')]).toEqual([200, 404])
  })
})

describe('tokens', () => {
  it('end when they expire or are revoked, and no other text is one', async () => {
    const { app } = await serve()
    const status = async (token: string): Promise<number> =>
      (await app.inject({ url: '/release/blobs/r1', headers: bearer(token) })).statusCode
    const [short, gone] = [await make('short', 'viewer', ['*'], '2026-01-01T00:00:00Z'), await make('gone', 'viewer')]
    expect([await status(short), await status(gone), await status(tokens['viewer']!)]).toEqual([401, 200, 200])
    await revokeToken(store, 'gone', { by: 'test', reason: 'test' })
    // After the few seconds for which they are not read again.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 4000 })
    onTestFinished(() => void vi.useRealTimers())
    expect(await status(gone)).toBe(401)
    for (const other of ['hillock_', `${tokens['viewer']}x`, tokens['viewer']!.slice(0, -1), 'a.b.c', '*', 'null'])
      expect(await status(other), other).toBe(401)
    const { statusCode } = await app.inject({ url: '/release/blobs/r1', headers: { authorization: 'Basic eDp5' } })
    expect(statusCode).toBe(401)
  })

  it('that are damaged are none, and keep nobody else out', async () => {
    const broken = await make('broken', 'viewer')
    const id = sha256(broken).slice(0, 12)
    writeFileSync(join(fixture.folder, 'tokens', `${id}.json`), '{"id": 1}')
    const { app } = await serve()
    const status = async (token: string): Promise<number> =>
      (await app.inject({ url: '/release/blobs/r1', headers: bearer(token) })).statusCode
    expect([await status(broken), await status(tokens['viewer']!)]).toEqual([401, 200])
    await expect(listTokens(store)).rejects.toThrow(id)
    rmSync(join(fixture.folder, 'tokens', `${id}.json`))
  })

  it('lie in the bucket as hashes alone', async () => {
    for await (const key of store.list('tokens/')) {
      const text = Buffer.from((await store.get(key))!).toString()
      for (const token of Object.values(tokens)) expect(text).not.toContain(token.slice(8, 24))
    }
  })
})

describe('a page of another origin', () => {
  const url = '/operate/blobs/publish'
  const ask = async (app: FastifyInstance, headers: Record<string, string>): Promise<number> =>
    (await app.inject({ method: 'POST', url, headers: { host: 'localhost:1', ...headers }, payload: {} })).statusCode

  it('changes nothing, with the cookie of a browser or with a token, unless it is on the list', async () => {
    const { app } = await serve()
    const listed = (await serve({ origins: ['https://viewer.example.org'] })).app
    const session = { cookie: `hillock_session=${tokens['operator']}` }
    const own = { origin: 'http://localhost:1' }
    // 400: it was let in, and its empty body is looked at.
    for (const h of [
      session,
      { ...session, ...own },
      { ...session, 'sec-fetch-site': 'same-origin' },
      bearer(tokens['operator']!),
    ])
      expect(await ask(app, h), JSON.stringify(h)).toBe(400)
    for (const h of [
      { origin: 'https://evil.example' },
      // Another port is the same site, for which browsers send the cookie.
      { origin: 'http://localhost:2' },
      { origin: 'null' },
      { 'sec-fetch-site': 'same-site', ...own },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'none' },
    ])
      for (const who of [session, bearer(tokens['operator']!)])
        expect(await ask(app, { ...h, ...who }), JSON.stringify(h)).toBe(403)
    const there = { origin: 'https://viewer.example.org', 'sec-fetch-site': 'cross-site' }
    expect(await ask(listed, { ...there, ...bearer(tokens['operator']!) })).toBe(400)
    expect(await ask(listed, { ...there, ...session })).toBe(403)
    expect(changes).not.toHaveBeenCalled()
  })

  it('reads what the list lets it read, never with the cookie', async () => {
    const { app } = await serve({ origins: ['https://viewer.example.org'] })
    const from = async (origin: string) => (await app.inject({ url: '/release/blobs/r1', headers: { origin } })).headers
    expect(await from('https://viewer.example.org')).toMatchObject({
      'access-control-allow-origin': 'https://viewer.example.org',
      vary: expect.stringContaining('origin'),
    })
    expect(await from('https://evil.example')).not.toHaveProperty('access-control-allow-origin')
    const open = await (await serve()).app.inject({ url: '/', headers: { origin: 'https://evil.example' } })
    expect(open.headers['access-control-allow-origin']).toBe('*')
    expect(open.headers).not.toHaveProperty('access-control-allow-credentials')
  })
})

describe('signing in', () => {
  const form = (app: FastifyInstance, body: string, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/login',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: body,
    })

  it('takes a token, leads back within this server, and the cookie is out of reach', async () => {
    const { app } = await serve({ public: [] })
    const denied = await app.inject({ url: '/release/blobs/r1', headers: { accept: 'text/html' } })
    expect(denied.statusCode).toBe(401)
    expect(denied.body).toContain('href="/login"')
    const signed = await form(app, `token=${tokens['viewer']}&to=/release/blobs/r1`)
    expect([signed.statusCode, signed.headers['location']]).toEqual([303, '/release/blobs/r1'])
    const cookie = String(signed.headers['set-cookie'])
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/)
    const session = { cookie: cookie.split(';')[0]! }
    expect((await app.inject({ url: '/release/blobs/r1', headers: session })).statusCode).toBe(200)
    expect((await app.inject({ url: '/login', headers: session })).body).toContain('viewer for *')
    for (const to of ['//evil.example', 'https://evil.example', '/\\evil.example', 'x', ''])
      expect((await form(app, `token=${tokens['viewer']}&to=${encodeURIComponent(to)}`)).headers['location'], to).toBe(
        '/',
      )
    expect((await form(app, 'token=hillock_x')).statusCode).toBe(401)
    expect((await form(app, '')).statusCode).toBe(400)
    expect((await form(app, `token=${tokens['viewer']}`, { origin: 'https://evil.example' })).statusCode).toBe(403)
    const out = await app.inject({ method: 'POST', url: '/logout', headers: session })
    expect(out.headers['set-cookie']).toContain('Max-Age=0')
    // Who comes with a session that has ended is nobody, and reads what anyone may.
    const stale = { cookie: 'hillock_session=hillock_old' }
    expect((await (await serve()).app.inject({ url: '/', headers: stale })).statusCode).toBe(200)
  })

  it('is known behind a proxy that says so, and only there', async () => {
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' }
    const secure = async (proxies: string[]) =>
      String((await form((await serve({ proxies })).app, `token=${tokens['viewer']}`, forwarded)).headers['set-cookie'])
    expect(await secure(['127.0.0.1'])).toContain('; Secure')
    expect(await secure([])).not.toContain('; Secure')
  })
})

describe('limits', () => {
  it('hold for a token or an address in a minute, and for changes by themselves', async () => {
    const { app } = await serve({ rate: 3 })
    const many = async (headers: Record<string, string>) => {
      const answers = []
      for (let i = 0; i < 4; i++) answers.push(await app.inject({ url: '/release/blobs/r1', headers }))
      return answers
    }
    const answers = await many({})
    expect(answers.map(a => a.statusCode)).toEqual([200, 200, 200, 429])
    expect(Number(answers[3]!.headers['retry-after'])).toBeGreaterThan(0)
    expect(Object.keys(answers[3]!.json() as object)).toEqual(['error', 'todo'])
    expect((await many(bearer(tokens['viewer']!))).map(a => a.statusCode)).toEqual([200, 200, 200, 429])
    const statuses = new Set<number>()
    for (let i = 0; i < 61; i++) {
      const headers = bearer(tokens['operator']!)
      statuses.add(
        (await app.inject({ method: 'POST', url: '/operate/blobs/publish', headers, payload: {} })).statusCode,
      )
    }
    expect([...statuses]).toEqual([400, 429])
  })

  it('hold for bodies, and what has no reason is not done', async () => {
    const { app } = await serve()
    const post = (payload: object) =>
      app.inject({ method: 'POST', url: '/operate/blobs/runs/x/pause', headers: bearer(tokens['operator']!), payload })
    expect((await post({ reason: 'x'.repeat(100_000) })).statusCode).toBe(413)
    for (const body of [{}, { reason: ' ' }, { reason: 1 }, { reason: 'x', by: 'somebody else' }])
      expect((await post(body)).statusCode).toBe(400)
    expect(changes).not.toHaveBeenCalled()
    expect((await post({ reason: 'a look' })).statusCode).toBe(503)
    expect(changes).toHaveBeenCalledWith(expect.objectContaining({ by: 'operator', reason: 'a look', done: false }))
  })
})

it('answers say what a browser may do with them, and nobody on the way keeps what a token has shown', async () => {
  const { app } = await serve()
  const shard = '/r/blobs/r1/em/0/0.shard'
  const plain = await app.inject({ url: shard })
  expect(plain.headers).toMatchObject({
    'cache-control': expect.stringMatching(/^public/),
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringContaining("frame-ancestors 'self'"),
  })
  for (const headers of [bearer(tokens['viewer']!), { cookie: `hillock_session=${tokens['viewer']}` }])
    for (const url of [shard, '/release/blobs/r1', '/'])
      expect((await app.inject({ url, headers })).headers['cache-control'], url).toMatch(/^private/)
})

it('the settings say what is wrong with them', () => {
  const of = (env: Record<string, string>, host = '127.0.0.1') => accessSettings(env, host)
  expect(of({})).toEqual(OPEN)
  expect(of({}, '0.0.0.0').rate).toBeGreaterThan(1000)
  expect(of({ HILLOCK_SERVING_PUBLIC: 'none' }).public).toEqual([])
  expect(of({ HILLOCK_SERVING_PUBLIC: 'a, b' }).public).toEqual(['a', 'b'])
  for (const [name, value] of [
    ['HILLOCK_SERVING_ORIGINS', 'viewer.example.org'],
    ['HILLOCK_SERVING_ORIGINS', 'https://viewer.example.org/'],
    ['HILLOCK_SERVING_RATE', 'many'],
    ['HILLOCK_OIDC_ISSUER', 'issuer'],
  ] as const)
    expect(() => of({ [name]: value })).toThrow(name)
  expect(() => of({ HILLOCK_OIDC_ISSUER: 'https://id.example.org' })).toThrow('HILLOCK_OIDC_AUDIENCE')
  expect(() => of({ HILLOCK_OIDC_ISSUER: 'http://id.example.org', HILLOCK_OIDC_AUDIENCE: 'x' })).toThrow('https')
})
