// A real browser that is signed in: pages of another port and of another site try to change something, and our own page does.
import { createServer as createHttp, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { OPEN } from '../../serving/access/settings.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { makeToken } from '../../storage/tokens.ts'
import { launchBrowser } from '../browser.ts'
import { makeFixture, type Fixture } from './fixture.ts'

let fixture: Fixture
let app: FastifyInstance
let address: string
let evil: Server
let browser: Browser
let page: Page
const changes = vi.fn<(change: Readonly<Record<string, unknown>>) => void>()
const statuses: [string, number][] = []

const portOf = (server: Server | FastifyInstance['server']): number => (server.address() as AddressInfo).port

beforeAll(async () => {
  fixture = await makeFixture()
  const store = fileStore(fixture.folder)
  const { text } = await makeToken(store, { name: 'ada', role: 'admin', datasets: ['*'], by: 'test', expires: null })
  app = createServer({ store, viewerDir: '/nonexistent', access: { ...OPEN, public: [] }, onChange: changes })
  await app.listen({ host: '127.0.0.1', port: 0 })
  app.server.on('request', (request, response) =>
    response.on('finish', () => statuses.push([`${request.method} ${request.url}`, response.statusCode])),
  )
  address = `http://localhost:${portOf(app.server)}`
  evil = createHttp((_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>evil</p>'))
  await new Promise<void>(done => evil.listen(0, '127.0.0.1', done))
  browser = await launchBrowser()
  page = await browser.newPage()
  await page.goto(`${address}/login`)
  await page.fill('input[name=token]', text)
  await page.click('button')
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await app?.close()
  evil?.close()
  await fixture?.remove()
})

const PATH = '/operate/blobs/runs/x/pause'
const BODY = JSON.stringify({ reason: 'because' })

/** What a page may try: with and without a preflight, and a form that leaves the page. */
const attempts = `async url => {
  const of = init => fetch(url, { method: 'POST', credentials: 'include', body: ${JSON.stringify(BODY)}, ...init }).then(r => r.status, () => 'blocked')
  const seen = [await of({ headers: { 'content-type': 'application/json' } }), await of({ mode: 'no-cors', headers: { 'content-type': 'text/plain' } })]
  const read = await fetch(new URL('/release/blobs/r1', url), { credentials: 'include' }).then(r => r.status, () => 'blocked')
  return { seen, read }
}`

it('signs in once, and then reads by its cookie', async () => {
  await page.goto(`${address}/release/blobs/r1`)
  expect(await page.textContent('h1')).toContain('r1')
  expect(await page.evaluate('document.cookie')).toBe('')
}, 60_000)

it.each(['localhost', '127.0.0.1'])(
  'a page of another origin on %s changes and reads nothing',
  async host => {
    const theirs = `http://${host}:${portOf(evil)}`
    await page.goto(theirs)
    statuses.length = 0
    const { seen, read } = (await page.evaluate(`(${attempts})('${address}${PATH}')`)) as {
      seen: unknown[]
      read: unknown
    }
    expect(seen).not.toContain(200)
    expect(read).toBe('blocked')
    await page.setContent(
      `<form method="post" enctype="text/plain" action="${address}${PATH}"><input name='{"reason":"x","a' value='"}' /><button>win</button></form>`,
    )
    await Promise.all([page.waitForURL(`${address}${PATH}`), page.click('button')])
    // They did arrive, and were refused.
    const posts = statuses.filter(([what]) => what === `POST ${PATH}`)
    expect(posts.length).toBeGreaterThanOrEqual(2)
    for (const [, status] of posts) expect(status).toBe(403)
    expect(changes).not.toHaveBeenCalled()
  },
  60_000,
)

it('our own page does: it is let in as far as Temporal, which is not here', async () => {
  await page.goto(`${address}/`)
  const { seen } = (await page.evaluate(`(${attempts})('${address}${PATH}')`)) as { seen: unknown[] }
  expect(seen[0]).toBe(503)
  expect(changes).toHaveBeenCalledWith(expect.objectContaining({ by: 'ada', reason: 'because' }))
}, 60_000)
