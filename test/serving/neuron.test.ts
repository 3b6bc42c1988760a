// The page of a neuron on a synthetic release: found by id and by point, what it says, its links, and what is asked wrongly; in a browser too.
import type { FastifyInstance } from 'fastify'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { launchBrowser } from '../browser.ts'
import { makeFixture, type Fixture } from './fixture.ts'
import { IDS, label } from './neurites.ts'

let fixture: Fixture
let app: FastifyInstance
let browser: Browser
let address: string
beforeAll(async () => {
  fixture = await makeFixture()
  app = createServer({ store: fileStore(fixture.folder), viewerDir: '/nonexistent' })
  address = await app.listen({ host: '127.0.0.1', port: 0 })
  browser = await launchBrowser()
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await app?.close()
  await fixture?.remove()
})

const [A, B, C] = IDS.map(String) as [string, string, string]
const get = (url: string) => app.inject({ url, headers: { accept: 'text/html' } })
/** The page at the end of the redirects from `url`. */
async function page(url: string): Promise<{ url: string; body: string }> {
  const answer = await get(url)
  if (answer.statusCode === 302) return page(answer.headers.location!)
  expect(answer.statusCode, url).toBe(200)
  expect(answer.body).not.toMatch(/undefined|NaN|Infinity/)
  return { url, body: answer.body }
}
const links = (body: string): string[] =>
  [...body.matchAll(/href="(\/[^"]*)"/g)].map(m => m[1]!.replaceAll('&amp;', '&'))

it('is found by id, by a point, in a release, a channel or at a time', async () => {
  const time = new Date(Date.now() + 1000).toISOString()
  for (const release of ['r1', 'published'])
    expect((await page(`/neuron?dataset=blobs&in=${release}&find=${A}`)).url).toBe(`/neuron/blobs/${release}/${A}`)
  expect((await page('/neuron')).body).toContain(`/neuron/blobs/r1/${A}`)
  expect((await page('/neuron/blobs/r1?find=80,%2091, 56')).url).toBe(`/neuron/blobs/r1/${label(80, 91, 56)}`)
  const wrong: [string, number, RegExp][] = [
    ['/neuron?dataset=none', 404, /no dataset none/],
    ['/neuron/blobs/r1?find=0,0,0', 404, /has no segment: membrane/],
    ['/neuron/blobs/r1?find=-1,0,0', 400, /outside of blobs\/r1/],
    ['/neuron/blobs/r1?find=1e30', 400, /neither a segment nor a point/],
    [`/neuron/blobs/r1?find=${'9'.repeat(20)}`, 400, /neither a segment nor a point/],
    ['/neuron/blobs/r1/12', 404, /has no segment 12/],
    ['/neuron/blobs/r1/x', 400, /is no segment/],
    ['/neuron/blobs/2020-01-01T00:00:00Z/12', 404, /had no published release/],
    ['/neuron/blobs/r9/12', 404, /no release r9/],
    [`/neuron/blobs/r1/${A}?up=-1`, 400, /no number of rows/],
    [`/neuron/blobs/r1/${A}?after=x`, 400, /no id of a synapse/],
    ['/view/blobs/r1?segments=a', 400, /segments=a/],
  ]
  for (const [url, status, why] of wrong) {
    const answer = await get(url)
    expect([answer.statusCode, answer.body], url).toEqual([status, expect.stringMatching(why)])
  }
  expect((await get(`/neuron/blobs/${time}/${A}`)).statusCode).toBe(404)
})

it('says what the tables say, and leads to partners, synapses and lineage', async () => {
  const { body } = await page(`/neuron/blobs/r1/${A}`)
  expect(body).toContain('90,000 voxels')
  expect(body).toContain('makes 4, receives 0')
  const to = links(body)
  expect(to.filter(l => l.startsWith('/neuron/blobs/r1/'))).toEqual(
    expect.arrayContaining([`/neuron/blobs/r1/${B}`, `/neuron/blobs/r1/${C}`]),
  )
  expect(to).toContain(`/view/blobs/r1?segments=${A}&at=20,50,10`)
  const lineage = to.find(l => l.startsWith('/lineage/blobs/r1?at='))!
  // The voxel from which its lineage begins is its own.
  expect((await page(lineage)).body).toContain('The neuron there')
  const back = links((await page(lineage)).body).find(l => l.startsWith('/neuron/blobs/r1?find='))!
  expect((await page(back)).url).toBe(`/neuron/blobs/r1/${A}`)
  for (const link of to) if (!link.startsWith('/viewer')) expect((await get(link)).statusCode, link).toBeLessThan(400)
  const received = (await page(`/neuron/blobs/r1/${B}?side=post`)).body
  expect(received).toContain('Synapses that it receives')
  expect(received.match(/<circle class="post"/g)).toHaveLength(2 * 4)
  const state = decodeURIComponent((await get(`/view/blobs/r1?segments=${A}&at=20,50,10`)).headers.location!)
  expect(JSON.parse(state.split('#!')[1]!)).toMatchObject({ position: [20.5, 50.5, 10.5] })
})

it('works by keyboard, and fits a small screen in light and in dark', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const view = await browser.newPage({ viewport: { width: 375, height: 700 }, colorScheme })
    const problems: string[] = []
    view.on('pageerror', e => problems.push(String(e)))
    view.on('console', m => m.type() === 'error' && problems.push(m.text()))
    await view.goto(`${address}/neuron`)
    await view.focus('input[name=find]')
    await view.keyboard.type(A)
    await view.keyboard.press('Enter')
    await view.waitForURL(`**/neuron/blobs/**/${A}`)
    const wide = await view.evaluate('document.documentElement.scrollWidth')
    expect(wide).toBeLessThanOrEqual(375)
    // The mesh is drawn: its outline takes up much of the picture.
    const box = (await view.locator('svg.neuron path.mesh').first().boundingBox())!
    expect(box.width).toBeGreaterThan(100)
    await view.locator(`a[href="/neuron/blobs/r1/${B}"]`).first().press('Enter')
    await view.waitForURL(`**/${B}`)
    expect(problems).toEqual([])
    await view.close()
  }
}, 120_000)
