// Tokens of an OIDC issuer, over real HTTP and with real keys: what is taken, what is not, and what happens when its keys change.
import { createServer as createHttp, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from 'jose'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { OPEN } from '../../serving/access/settings.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { makeFixture, type Fixture } from './fixture.ts'

let fixture: Fixture
let server: Server
let issuer: string
let app: FastifyInstance
/** What the issuer says now; nothing: it is away. */
let configuration: object | undefined
let published: JWK[] = []
let fetched = 0

interface Key {
  readonly kid: string
  readonly alg: string
  readonly secret: CryptoKey
}

async function key(kid: string, alg: 'RS256' | 'ES256'): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  published.push({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' })
  return { kid, alg, secret: privateKey }
}

const HOUR = 3600
const claims = (more: object = {}): Record<string, unknown> => ({
  iss: issuer,
  aud: 'hillock',
  sub: 'ada',
  exp: Math.floor(Date.now() / 1000) + HOUR,
  realm: { roles: ['viewer:blobs', 'something else'] },
  ...more,
})
const sign = ({ kid, alg, secret }: Key, more: object = {}, header: object = {}): Promise<string> =>
  new SignJWT(claims(more)).setProtectedHeader({ alg, kid, ...header }).sign(secret)
const ask = async (token: string): Promise<{ status: number; error: string }> => {
  const { statusCode, body } = await app.inject({
    url: '/release/blobs/r1',
    headers: { authorization: `Bearer ${token}` },
  })
  return { status: statusCode, error: statusCode === 200 ? '' : (JSON.parse(body) as { error: string }).error }
}

function serve(): FastifyInstance {
  const oidc = { issuer, audience: 'hillock', claim: 'realm.roles' }
  const made = createServer({
    store: fileStore(fixture.folder),
    viewerDir: '/nonexistent',
    access: { ...OPEN, public: [], oidc },
  })
  return made
}

let rsa: Key
let ec: Key
beforeAll(async () => {
  fixture = await makeFixture()
  server = createHttp((request, response) => {
    const json = (value: object | undefined): void =>
      void response
        .writeHead(value ? 200 : 503, { 'content-type': 'application/json' })
        .end(JSON.stringify(value ?? {}))
    if (request.url === '/.well-known/openid-configuration') return json(configuration)
    fetched++
    return json({ keys: published })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  configuration = { issuer, jwks_uri: `${issuer}/keys` }
  rsa = await key('rsa', 'RS256')
  ec = await key('ec', 'ES256')
  app = serve()
})
afterEach(() => void vi.useRealTimers())
afterAll(async () => {
  await app.close()
  server.close()
  await fixture.remove()
})

it('takes what its issuer has signed for it, for the roles in the claim that the configuration names', async () => {
  expect((await ask(await sign(rsa))).status).toBe(200)
  expect((await ask(await sign(ec))).status).toBe(200)
  expect((await ask(await sign(rsa, { realm: { roles: 'operator admin:x' } }))).status).toBe(200)
  for (const roles of [
    [],
    ['viewer:other'],
    ['Viewer'],
    ['viewer:'],
    ['viewer:blobs:x'],
    'x',
    undefined,
    null,
    { viewer: 1 },
  ]) {
    const { status, error } = await ask(await sign(rsa, { realm: { roles } }))
    expect(status, JSON.stringify(roles)).toBe(403)
    expect(error).toContain('ada')
  }
  expect((await ask(await sign(rsa, { realm: undefined }))).status).toBe(403)
})

it('takes nothing else', async () => {
  const now = Math.floor(Date.now() / 1000)
  const stranger = await generateKeyPair('RS256')
  const forged = (await sign(rsa)).split('.')
  forged[1] = Buffer.from(JSON.stringify(claims({ realm: { roles: ['admin'] } }))).toString('base64url')
  // The public key, which everybody knows, as if it were a secret that both share.
  const shared = new TextEncoder().encode(JSON.stringify(published[0]))
  const bad: Record<string, string> = {
    expired: await sign(rsa, { exp: now - 60 }),
    'without an end': await sign(rsa, { exp: undefined }),
    'not valid yet': await sign(rsa, { nbf: now + HOUR }),
    'for others': await sign(rsa, { aud: 'another' }),
    'for nobody': await sign(rsa, { aud: undefined }),
    'of another issuer': await sign(rsa, { iss: 'https://evil.example' }),
    'of nobody': await sign(rsa, { sub: undefined }),
    unsigned: new UnsecuredJWT(claims()).encode(),
    'signed by a stranger': await sign({ ...rsa, secret: stranger.privateKey }),
    'signed with an unknown key': await sign({ ...rsa, kid: 'unknown' }),
    'signed with the public key': await new SignJWT(claims())
      .setProtectedHeader({ alg: 'HS256', kid: 'rsa' })
      .sign(shared),
    'with claims put in later': forged.join('.'),
    'cut short': (await sign(rsa)).slice(0, -8),
    'no token': 'x.y.z',
  }
  for (const [what, token] of Object.entries(bad)) expect(await ask(token), what).toMatchObject({ status: 401 })
})

it('follows the issuer to new keys, and takes old ones no more', async () => {
  expect((await ask(await sign(rsa))).status).toBe(200)
  published = []
  const next = await key('next', 'RS256')
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11_000 })
  expect((await ask(await sign(next))).status).toBe(200)
  expect((await ask(await sign(rsa))).status).toBe(401)
  // Whoever sends unknown keys again and again does not make the issuer be asked each time.
  const before = fetched
  for (let i = 0; i < 5; i++) expect((await ask(await sign({ ...next, kid: `no${i}` }))).status).toBe(401)
  expect(fetched - before).toBeLessThanOrEqual(1)
})

it('says so while the issuer is away or is another, and goes on when it is back', async () => {
  const fresh = app
  const good = { ...configuration }
  app = serve()
  try {
    const token = await sign(await key('last', 'ES256'))
    for (const said of [undefined, {}, { ...good, issuer: 'https://evil.example' }]) {
      configuration = said
      expect(await ask(token)).toMatchObject({ status: 503 })
    }
    configuration = good
    expect((await ask(token)).status).toBe(200)
  } finally {
    await app.close()
    app = fresh
  }
})
