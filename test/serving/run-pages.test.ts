// The pages of runs and releases in a real browser: by keyboard, on a small screen, in the dark, live, as operator and as viewer.
import type { FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { OPEN } from '../../serving/access/settings.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { recordChannelMove } from '../../storage/provenance/channel-moves.ts'
import { putRelease } from '../../storage/releases.ts'
import { makeToken } from '../../storage/tokens.ts'
import { launchBrowser } from '../browser.ts'
import { makeFixture, type Fixture } from './fixture.ts'
import { stubTemporal, UNDER_WAY, type StubTemporal } from './stub-temporal.ts'

let fixture: Fixture
let app: FastifyInstance
let address: string
let browser: Browser
let temporal: StubTemporal
const tokens: Record<string, string> = {}
const problems: string[] = []

beforeAll(async () => {
  fixture = await makeFixture()
  const store = fileStore(fixture.folder)
  const quality = { voiSum: 0.5, voiSplit: 0.375, voiMerge: 0.125, arand: 0.03125, segments: 4 }
  await putRelease(store, { ...fixture.release, release: 'r0', quality, holes: [] })
  for (const [release, at] of [
    ['r0', 1],
    ['r1', 2],
  ] as const)
    await recordChannelMove(store, 'blobs', 'published', { release, by: 'ada', reason: `<i>${release}` }, at * 1e9)
  for (const [name, role] of [
    ['ada', 'operator'],
    ['vera', 'viewer'],
  ] as const)
    tokens[name] = (await makeToken(store, { name, role, datasets: ['*'], by: 'test', expires: null })).text
  app = createServer({ store, viewerDir: '/nonexistent', access: OPEN, connected: async () => temporal.client })
  await app.listen({ host: '127.0.0.1', port: 0 })
  address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  browser = await launchBrowser()
}, 120_000)
beforeEach(() => {
  temporal = stubTemporal()
})
afterAll(async () => {
  await browser?.close()
  await app?.close()
  await fixture?.remove()
  expect(problems).toEqual([])
})

async function open(path: string, who?: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } })
  context.setDefaultTimeout(100_000)
  if (who) await context.addCookies([{ name: 'hillock_session', value: tokens[who]!, url: address }])
  const page = await context.newPage()
  page.on('pageerror', e => problems.push(`${path}: ${e.stack}`))
  await page.goto(address + path)
  return page
}
const text = (page: Page, selector: string): Promise<string> => page.innerText(selector)

const RUN = '/runs/blobs/first'
const PAGES = ['/', '/runs', RUN, '/releases/blobs', '/release/blobs/r1', '/login']

/** How bright the page is, and what is written on it. */
const brightness = async (page: Page): Promise<[page: number, ink: number]> =>
  page.evaluate(
    `(s => [s.backgroundColor, s.color].map(c => c.match(/\\d+/g).slice(0, 3).reduce((sum, n) => sum + Number(n), 0)))(getComputedStyle(document.body))`,
  )

it.each(PAGES)('%s fits on a small screen, is dark in the dark, and can be gone through by keyboard', async path => {
  const page = await open(path, 'ada')
  const [bright, ink] = await brightness(page)
  expect(bright - ink).toBeGreaterThan(400)
  await page.emulateMedia({ colorScheme: 'dark' })
  const [dark, light] = await brightness(page)
  expect(light - dark).toBeGreaterThan(400)

  // All that can be used, in its order, and it is seen where one is.
  const all = (await page.evaluate(`
    (globalThis.stops = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]
      .filter(e => e.checkVisibility())).length`)) as number
  // A page that asks for something at once begins there.
  await page.evaluate('document.activeElement.blur(); getSelection().setPosition(document.body, 0)')
  const seen: number[] = []
  for (let i = 0; i < all + 10 && seen.at(-1) !== all - 1; i++) {
    await page.keyboard.press('Tab')
    const [at, visible] = (await page.evaluate(
      `(e => [globalThis.stops.indexOf(e), getComputedStyle(e).outlineStyle !== 'none' && e.getBoundingClientRect().width > 0])(document.activeElement)`,
    )) as [number, boolean]
    expect(visible).toBe(true)
    if (at >= 0) seen.push(at)
  }
  expect(seen).toEqual(Array.from({ length: all }, (_, i) => i))

  await page.setViewportSize({ width: 375, height: 800 })
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375)
  await page.context().close()
})

describe('a run', () => {
  it('is live: it moves on and comes to gates by itself, what is typed meanwhile stays, and nothing is loaded anew', async () => {
    const [gate] = temporal.gates.splice(0)
    const page = await open(RUN, 'ada')
    await page.evaluate('globalThis.same = 1')
    const graph = page.locator('svg.stages')
    const before = await graph.textContent()
    await page.selectOption('#pause select', 'render')
    await page.fill('#pause input[name=reason]', 'half a rea')
    await expect.poll(() => graph.textContent(), { timeout: 100_000 }).not.toBe(before)
    temporal.gates.push(gate!)
    await page.locator('#gate-look').waitFor()
    const stands =
      await page.evaluate(`[globalThis.same, document.activeElement.closest('form').id, document.activeElement.value,
      document.querySelector('#pause select').value]`)
    expect(stands).toEqual([1, 'pause', 'half a rea', 'render'])
    await page.context().close()
  })

  it('is approved by keyboard, with who and why, and the page says so', async () => {
    const page = await open(RUN, 'ada')
    await page.focus('#gate-look input[name=reason]')
    await page.keyboard.type('looks right')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText('approve by ada').waitFor()
    expect(temporal.sent).toEqual([
      {
        workflowId: UNDER_WAY,
        update: 'decide',
        arg: { gate: 'look', decision: 'approve', author: 'ada', reason: 'looks right' },
      },
    ])
    expect(await page.$('#gate-look')).toBeNull()
    await page.context().close()
  })

  it('is held back stage by stage and region by region; what is refused is said beside the button', async () => {
    const page = await open(RUN, 'ada')
    await page.selectOption('#pause select', 'render')
    await page.fill('#pause input[name=region]', '1_0_0')
    await page.fill('#pause input[name=reason]', 'a look')
    temporal.refusal = 'it is over'
    await page.click('#pause button')
    await page.locator('#pause output', { hasText: 'it is over' }).waitFor()
    temporal.refusal = null
    await page.click('#pause button')
    await page.locator('#pause output', { hasText: 'Pause: accepted' }).waitFor()
    const arg = { stage: 'render', region: '1_0_0', by: 'ada', reason: 'a look' }
    expect(temporal.sent).toEqual([1, 2].map(() => ({ workflowId: UNDER_WAY, update: 'pause', arg })))

    // The run as a whole too; then that goes on with more money, and the region stays as it is.
    await page.fill('#pause input[name=reason]', 'too dear')
    await page.click('#pause button')
    await page.locator('#resume-all-all input[name=budget]').fill('2.5')
    await page.fill('#resume-all-all input[name=reason]', 'granted')
    await page.click('#resume-all-all button')
    await page.locator('#resume-all-all').waitFor({ state: 'detached' })
    expect(temporal.sent.at(-1)).toEqual({
      workflowId: UNDER_WAY,
      update: 'resume',
      arg: { stage: null, region: null, by: 'ada', reason: 'granted', budget: 2.5 },
    })
    expect(await text(page, '#hold-back')).toContain('stage render, region 1_0_0 is held back by ada: a look')
    await page.context().close()
  })

  it('says when it is no longer up to date', async () => {
    const page = await open(RUN)
    await page.context().setOffline(true)
    await page.locator('#lost', { hasText: 'Not up to date' }).waitFor()
    await page.context().setOffline(false)
    await page.locator('#lost:empty').waitFor({ state: 'attached' })
    await page.context().close()
  })
})

it('who may only read sees the same, without what changes something', async () => {
  for (const [path, words] of [
    [RUN, 'waits at gate look'],
    ['/releases/blobs', 'History of published'],
  ] as const)
    for (const who of ['vera', undefined]) {
      const page = await open(path, who)
      expect(await text(page, 'main')).toContain(words)
      expect(await text(page, 'main')).toContain('needs the role operator')
      expect(await page.$$('form[data-action]')).toEqual([])
      await page.context().close()
    }
  expect(temporal.sent).toEqual([])
})

describe('the releases of a dataset', () => {
  it('stand in their order with quality, holes and what the channel has named, and two are compared by keyboard', async () => {
    const page = await open('/releases/blobs', 'vera')
    const titles = await page.$$eval('.plot circle title', all => all.map(t => t.textContent))
    expect(titles).toContain('r0: 0.5')
    expect(await text(page, 'main')).toMatch(/ada\s+<i>r1[^]*ada\s+<i>r0/)
    // As it is opened: what was published last beside the one before it.
    expect(await text(page, '#compare + table')).toMatch(/VOI split[^\n]*\s0\.375\s+0\.25\s+−0\.125/)
    await page.focus('#compare select[name=from]')
    await page.keyboard.type('r1')
    await page.keyboard.press('Tab')
    await page.keyboard.type('r0')
    await page.keyboard.press('Tab')
    await Promise.all([page.waitForURL(/from=r1&to=r0/), page.keyboard.press('Enter')])
    expect(await text(page, '#compare + table')).toMatch(/VOI split[^\n]*\s0\.25\s+0\.375\s+\+0\.125/)
    expect(await text(page, 'main')).toContain('1 holes gone')
    await page.context().close()
  })

  it('are published with a reason', async () => {
    const page = await open('/releases/blobs', 'ada')
    await page.selectOption('#publish select[name=release]', 'r0')
    await page.click('#publish button')
    // Without one nothing is sent.
    expect(await page.evaluate(`document.querySelector('#publish').checkValidity()`)).toBe(false)
    await page.fill('#publish input[name=reason]', 'as it was')
    const [request] = await Promise.all([
      page.waitForRequest(r => r.method() === 'POST'),
      page.click('#publish button'),
    ])
    expect(new URL(request.url()).pathname).toBe('/operate/blobs/publish')
    expect(request.postDataJSON()).toEqual({ release: 'r0', channel: 'published', reason: 'as it was' })
    await page.context().close()
  })
})
