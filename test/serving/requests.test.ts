// What a reader may get wrong, and what others may try: never an error of ours, never more work than the server has hands for.
import { writeFileSync } from 'node:fs'
import { connect as dial } from 'node:net'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { HillockError } from '../../domain/errors.ts'
import type { SloReport } from '../../domain/slo/slo.ts'
import { createServer } from '../../serving/server.ts'
import type { SloSource } from '../../serving/pages/slo-routes.ts'
import { turns } from '../../serving/turns.ts'
import { fileStore } from '../../storage/file-store.ts'
import { makeFixture, type Fixture } from './fixture.ts'

let fixture: Fixture
let app: FastifyInstance
const find = vi.fn<SloSource['find']>()
const report = vi.fn<SloSource['report']>()
const errors: unknown[] = []
beforeAll(async () => {
  find.mockRejectedValue(new HillockError('ConfigError', 'nothing has that name'))
  fixture = await makeFixture()
  app = createServer({
    store: fileStore(fixture.folder),
    viewerDir: '/nonexistent',
    slo: { find, report },
    names: ['hillock.example.org'],
    onError: e => errors.push(e),
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await app.close()
  await fixture.remove()
})

const URL_ = '/r/blobs/r1/em/0/0.shard'
const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })

/** As it stands on the wire: no client between that puts it right. */
const raw = (target: string, method = 'GET', host = 'localhost'): Promise<number> =>
  new Promise((done, fail) => {
    const socket = dial((app.server.address() as AddressInfo).port, '127.0.0.1', () =>
      socket.write(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    )
    let text = ''
    socket.on('data', d => (text += d))
    socket.on('close', () => done(Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1])))
    socket.on('error', fail)
  })

describe('what is asked wrongly is answered with 4xx', () => {
  const long = 'a'.repeat(300)
  it.each([
    '/lineage/artifact/constructor/toString',
    '/lineage/artifact/__proto__/x',
    '/lineage/artifact/render/x?release=blobs/r1&release=blobs/r1',
    '/lineage/artifact/render/x?release=a/b/c',
    '/lineage/blobs/r1?at=1,2,3&at=1,2,3',
    '/lineage/blobs/r1?at=NaN,1,2',
    '/lineage/blobs/r1?at=1e9,1,2',
    '/lineage/blobs/r1?at=99999999999999999999,1,2',
    '/release/__proto__/constructor',
    '/release/blobs/__proto__',
    '/release/blobs/..%2f..%2fx',
    '/release/blobs/r1%00',
    `/release/${long}/r1`,
    `/release/blobs/${'a'.repeat(5000)}`,
    '/release/%E0%A4%A/r1',
    '/r/blobs/r1/constructor/provenance',
    '/r/blobs/r1/__proto__/info',
    `/r/blobs/r1/em/0/${long}.shard`,
    '/r/blobs/r1/em/0/%2e%2e/x',
    '/r/blobs/r1/zarr/0/c/99999999999/0/0',
    '/r/blobs/r1/zarr/0/c/-1/0/0',
    '/view/blobs',
    '/view/blobs/..',
    '/view/%0d%0a',
    '/viewer/%00',
    '/slo/',
    '/slo/../../../../etc/passwd',
    '/slo/..%2f..%2fetc%2fpasswd',
    '/slo/a%00b',
    `/slo/${long}/${long}`,
    '/slo/nothing',
    '/reads/x/y',
    '/reads/blobs/published',
    '/%',
    '/%ff',
    '//',
  ])('%s', async target => {
    const status = await raw(target)
    if (/^\/view\/[^/]+$/.test(target)) expect(status).toBe(302)
    else if (target === '//') expect([200, 404]).toContain(status)
    else expect(Math.floor(status / 100), String(status)).toBe(4)
  })

  it('in the words of this server, also where no address can be made out', async () => {
    for (const target of ['/%', '/release/%E0%A4%A/r1']) {
      const { headers, body } = await get(target)
      expect(Object.keys(JSON.parse(body) as object)).toEqual(['error', 'todo'])
      expect(headers).toMatchObject({ 'access-control-allow-origin': '*', 'cache-control': 'no-store' })
      expect((await get(target, { accept: 'text/html' })).body).toContain('What to do')
    }
  })

  it('and methods that would change something with 405', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect(await raw('/', method)).toBe(405)
      expect(await raw(URL_, method)).toBe(405)
    }
    const answer = await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'text/odd' }, payload: 'x' })
    expect([answer.statusCode, answer.headers['allow']]).toEqual([405, 'GET, HEAD, OPTIONS'])
  })

  it('a host that is not this one, as a page elsewhere would name it', async () => {
    for (const host of [
      'evil.example.com',
      'evil.example.com:8470',
      'localhost.evil.com',
      '127.0.0.1.evil.com',
      '10.0.0.1',
    ])
      expect(await raw('/', 'GET', host), host).toBe(421)
    for (const host of ['a b', 'x/y', '"><script>', '']) expect(await raw('/', 'GET', host), host).toBe(400)
    for (const host of ['localhost', 'LOCALHOST:1', 'localhost.:80', '127.0.0.1:99', '[::1]:80', 'hillock.example.org'])
      expect(await raw('/', 'GET', host), host).toBe(200)
  })

  it('none of it was an error of ours', () => expect(errors).toEqual([]))
})

describe('conditions and ranges', () => {
  it('If-None-Match holds lists, weak tags, commas in tags and *; only GET has ranges', async () => {
    const whole = await get(URL_)
    const tag = String(whole.headers.etag)
    for (const header of ['*', tag, `W/${tag}`, `"a,b", ${tag}`, `"x",W/${tag} , "y"`])
      expect((await get(URL_, { 'if-none-match': header })).statusCode, header).toBe(304)
    for (const header of ['"x"', tag.slice(1, -1), `"${tag.slice(1, 9)}"`, '', 'W/"*"'])
      expect((await get(URL_, { 'if-none-match': header })).statusCode, header).toBe(200)
    const head = await app.inject({ method: 'HEAD', url: URL_, headers: { range: 'bytes=999999999-' } })
    expect([head.statusCode, head.headers['content-length']]).toEqual([200, whole.headers['content-length']])
  })

  it('ranges that are none are left aside, those outside refused and not kept', async () => {
    const n = (await get(URL_)).rawPayload.length
    for (const range of ['bytes=5-2', 'bytes=-', 'bytes=a-b', 'bytes=0-1,4-5', 'bytes 0-1', 'items=0-1'])
      expect((await get(URL_, { range })).rawPayload.length, range).toBe(n)
    for (const range of ['bytes=-0', `bytes=${n}-`, 'bytes=99999999999999999999-']) {
      const { statusCode, headers } = await get(URL_, { range })
      expect([statusCode, headers['content-range'], headers['cache-control']]).toEqual([
        416,
        `bytes */${n}`,
        'no-store',
      ])
    }
    expect((await get(URL_, { range: `bytes=-${n + 5}` })).statusCode).toBe(206)
    expect((await get(URL_, { range: 'Bytes=0-1' })).statusCode).toBe(206)
    const tag = String((await get(URL_)).headers.etag)
    expect((await get(URL_, { range: 'bytes=0-1', 'if-range': tag })).statusCode).toBe(206)
    for (const other of [`W/${tag}`, 'Fri, 27 Nov 2026 00:00:00 GMT'])
      expect((await get(URL_, { range: 'bytes=0-1', 'if-range': other })).statusCode, other).toBe(200)
  })
})

describe('work', () => {
  it('is done once for all who ask, again when something has changed, and not kept where it failed', async () => {
    const levels = { subject: 'blobs' } as SloReport
    find.mockResolvedValue({ runs: [], order: [], version: 'one' })
    report.mockResolvedValue(levels)
    const all = await Promise.all(Array.from({ length: 40 }, () => get('/slo/blobs?json')))
    expect(all.map(a => a.statusCode)).toEqual(Array.from({ length: 40 }, () => 200))
    expect(report).toHaveBeenCalledTimes(1)
    find.mockResolvedValue({ runs: [], order: [], version: 'two' })
    report.mockRejectedValueOnce(Object.assign(new Error('14 UNAVAILABLE'), { code: 14 }))
    const away = await get('/slo/blobs/r1?json')
    expect([away.statusCode, away.headers['retry-after']]).toEqual([503, '5'])
    expect((await get('/slo/blobs/r1?json')).statusCode).toBe(200)
  })

  it('waits its turn, and who finds too many waiting is told to come again', async () => {
    const turn = turns(2, 3)
    const ends: (() => void)[] = []
    let [running, most] = [0, 0]
    const work = () =>
      turn(async () => {
        most = Math.max(most, ++running)
        await new Promise<void>(end => ends.push(end))
        running--
      })
    const five = Array.from({ length: 5 }, work)
    await expect(work()).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '2' } })
    for (let i = 0; i < 5; i++) {
      await vi.waitFor(() => expect(ends.length).toBeGreaterThan(i))
      ends[i]!()
    }
    await Promise.all(five)
    expect([most, running]).toEqual([2, 0])
  })
})

it('a release has a page for people and the manifest for programs behind one name; a damaged one hides no other', async () => {
  const page = await get('/release/blobs/published', { accept: 'text/html,*/*' })
  expect(page.headers['content-type']).toMatch(/html/)
  for (const text of [
    'blobs/r1',
    'per Gvoxel',
    'per mm³',
    'precomputed://http://localhost:80/r/blobs/r1/em',
    'published',
  ])
    expect(page.body).toContain(text)
  expect(page.body).not.toContain('undefined')
  for (const [url, accept] of [
    ['/release/blobs/r1', '*/*'],
    ['/release/blobs/r1.json', 'text/html'],
    ['/release/blobs/published?json', 'text/html'],
  ])
    expect((await get(url!, { accept: accept! })).json(), url).toMatchObject({ release: 'r1' })
  const other = join(fixture.folder, 'releases/blobs/cut.json')
  writeFileSync(other, '{"dataset": "bl')
  const list = await get('/?json')
  expect(list.json()[0]).toMatchObject({ damaged: ['cut'], releases: [{ release: 'r1' }] })
  expect((await get('/', { accept: 'text/html' })).body).toContain('hillock verify blobs/cut')
})

it('says that it lives, and whether it reads the bucket', async () => {
  expect([(await get('/healthz')).json(), (await get('/readyz')).json()]).toEqual([
    { ok: true },
    { ok: true, bucket: 'answers' },
  ])
  const away = createServer({ store: fileStore(join(fixture.folder, 'away'), 'a mark'), viewerDir: '/nonexistent' })
  const { statusCode, body } = await away.inject('/readyz')
  expect([statusCode, body]).toEqual([503, expect.stringContaining('away')])
  expect((await away.inject('/healthz')).statusCode).toBe(200)
  await away.close()
})
