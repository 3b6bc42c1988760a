// The codec server as Temporal's UI and CLI ask it: what it answers, to whom, and to pages of which origin.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { OPEN } from '../../serving/access/settings.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { makeToken } from '../../storage/tokens.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-codec-'))
const store = fileStore(folder)
const UI = 'http://127.0.0.1:8233'
const serve = (): FastifyInstance =>
  createServer({
    store,
    viewerDir: '/none',
    access: OPEN,
    namespace: 'lab',
    temporalUi: `${UI}/namespaces/lab/workflows`,
  })
let app: FastifyInstance
beforeAll(() => {
  vi.stubEnv('HILLOCK_PAYLOAD_KEY', '1a'.repeat(32))
  app = serve()
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await app.close()
  rmSync(folder, { recursive: true })
})

const PLAIN = { metadata: { encoding: Buffer.from('json/plain').toString('base64') }, data: 'eyJhIjoxfQ==' }
const NULL = { metadata: { encoding: Buffer.from('binary/null').toString('base64') } }
const post = (path: string, payloads: unknown, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
  app.inject({
    method: 'POST',
    url: `/codec/${path}`,
    payload: { payloads } as object,
    headers: { host: 'localhost', ...headers },
  })
interface Answer {
  payloads: (typeof PLAIN)[]
}

it('encodes and decodes, each payload in its place, and leaves alone what is not encrypted', async () => {
  const encoded = (await post('encode', [PLAIN, NULL])).json<Answer>()
  expect(encoded.payloads.map(p => Buffer.from(p.metadata.encoding, 'base64').toString())).toEqual(
    Array(2).fill('binary/encrypted'),
  )
  const decoded = await post('decode', [...encoded.payloads, PLAIN], { 'x-namespace': 'lab' })
  expect(decoded.json<Answer>().payloads).toMatchObject([PLAIN, NULL, PLAIN])
  expect(decoded.headers['cache-control']).toBe('no-store')
})

it('refuses what it cannot read, saying why', async () => {
  const [p] = (await post('encode', [PLAIN])).json<Answer>().payloads
  const bytes = Buffer.from(p!.data, 'base64')
  bytes[20]! ^= 1
  const cases: [unknown, Record<string, string>, number, RegExp][] = [
    [[{ ...p, data: bytes.toString('base64') }], {}, 400, /damaged or forged/],
    [
      [{ ...p, metadata: { ...p!.metadata, 'encryption-key-id': 'YWJjZA==' } }],
      {},
      400,
      /encrypted with key abcd, which/,
    ],
    ['nothing', {}, 400, /the body is not/],
    [[{ data: '%' }], {}, 400, /the body is not/],
    [[PLAIN], { 'x-namespace': 'other' }, 400, /works for namespace lab, not other/],
  ]
  for (const [payloads, headers, status, says] of cases) {
    const answer = await post('decode', payloads, headers)
    expect([answer.statusCode, answer.body]).toEqual([status, expect.stringMatching(says)])
  }
})

it("is open to Temporal's UI and to programs of this machine, to no page of another origin", async () => {
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/codec/decode',
    headers: { host: 'localhost', origin: UI },
  })
  expect(preflight.statusCode).toBe(204)
  expect(preflight.headers['access-control-allow-headers']).toMatch(/authorization.*content-type.*x-namespace/)
  const page = { origin: UI, 'sec-fetch-site': 'same-site', 'content-type': 'application/json' }
  const answer = await post('decode', [PLAIN], page)
  expect([answer.statusCode, answer.headers['access-control-allow-origin']]).toEqual([200, '*'])
  expect((await post('decode', [PLAIN], { ...page, origin: 'https://evil.example' })).statusCode).toBe(403)
  // As through a proxy.
  expect(
    (
      await app.inject({
        method: 'POST',
        url: '/codec/decode',
        payload: { payloads: [] },
        headers: { host: 'lab.example' },
      })
    ).statusCode,
  ).toBe(401)
})

it('wants the token of an operator of all datasets once there is any token', async () => {
  const make = async (
    name: string,
    role: 'viewer' | 'operator',
    datasets: string[],
  ): Promise<Record<string, string>> => {
    const { text } = await makeToken(store, { name, role, datasets, by: 'test', expires: null })
    return { authorization: `Bearer ${text}` }
  }
  const all = await make('ada', 'operator', ['*'])
  const some = [await make('bob', 'viewer', ['*']), await make('eve', 'operator', ['cortex'])]
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await post('decode', [PLAIN], headers)).statusCode
  expect(await status({})).toBe(401)
  expect(await status({ origin: UI })).toBe(401)
  for (const headers of some) expect(await status(headers)).toBe(403)
  expect(await status({ ...all, origin: UI })).toBe(200)
})

it('is not there where nothing is encrypted', async () => {
  vi.stubEnv('HILLOCK_PAYLOAD_KEY', undefined)
  await app.close()
  app = serve()
  expect((await post('decode', [PLAIN])).statusCode).toBe(405)
})
