// The dashboard of a dataset: service levels as they were known last, hot spots, caches and advice; in a browser too.
import type { FastifyInstance } from 'fastify'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RunConfig } from '../../domain/config.ts'
import { HillockError } from '../../domain/errors.ts'
import { LIMITS } from '../../domain/slo/hot-spots.ts'
import { sloReport, type SloReport } from '../../domain/slo/slo.ts'
import { HotSpots } from '../../serving/hot-spots.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { launchBrowser } from '../browser.ts'
import { makeFixture, type Fixture } from './fixture.ts'
import { BOUNDS, IDS, NM } from './neurites.ts'

const run = 'reconstruct/blobs/r1'
const failure = { type: 'StoreError', message: 'away', at: 3000 }
const report: SloReport = sloReport({
  subject: 'blobs',
  dataset: 'blobs',
  now: 10_000,
  config: RunConfig.parse({
    dataset: 'blobs',
    source: { stack: 'x.npy' },
    voxelSizeNm: [NM, NM, NM],
    budget: { cost: 1 },
  }),
  bounds: BOUNDS,
  voxelSizeNm: [NM, NM, NM],
  runs: [{ workflowId: run, status: 'completed', start: 0, end: 9000 }],
  expected: {},
  skipped: {},
  tasks: [
    {
      run,
      workflowId: run,
      stage: 'render',
      what: '0_0_0',
      scheduled: 1000,
      ended: 5000,
      outcome: 'done',
      attempts: 2,
      handedOver: 0,
      failures: [failure],
      requests: { 'put artifacts/render': 7 },
      artifacts: ['a'],
    },
  ],
  artifacts: [
    {
      stage: 'render',
      recipe: 'a',
      covers: 'all',
      region: '0_0_0',
      run,
      start: 4000,
      end: 5000,
      voxels: 2e6,
      bytes: 100,
      cost: 0.5,
    },
  ],
  candidates: ['r1', 'r0'].map((release, i) => ({
    release,
    run: i === 0 ? run : 'reconstruct/blobs/r0',
    channels: i === 0 ? ['published'] : [],
    quality: { voiSplit: 0.25, arand: 0.1 * (i + 1) },
    holes: i,
    cost: 1.25,
    own: i === 0,
  })),
  missing: [],
})

let fixture: Fixture
let app: FastifyInstance
let browser: Browser
let address: string
/** What Temporal is told to be: `version` changes with every state of the runs. */
let version = '1'
let away: Error | undefined
let working: Promise<void> | undefined
beforeAll(async () => {
  fixture = await makeFixture()
  app = createServer({
    store: fileStore(fixture.folder),
    viewerDir: '/nonexistent',
    slo: {
      async find() {
        if (away) throw away
        return { runs: [], order: [], version }
      },
      async report(subject) {
        await working
        return { ...report, subject }
      },
    },
  })
  address = await app.listen({ host: '127.0.0.1', port: 0 })
  browser = await launchBrowser()
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await app?.close()
  await fixture?.remove()
})

const get = (url: string) => app.inject({ url, headers: { accept: 'text/html' } })

it('answers before the first report is there, and loads itself again', async () => {
  const done = Promise.withResolvers<void>()
  working = done.promise
  const first = await get('/dashboard/blobs')
  expect(first.statusCode).toBe(200)
  expect(first.headers['refresh']).toBe('1')
  expect(first.body).toContain('being worked out')
  working = undefined
  done.resolve()
  await expect.poll(async () => (await get('/dashboard/blobs')).headers['refresh']).toBeUndefined()
  const { body } = await get('/dashboard/blobs')
  expect(body).not.toMatch(/undefined|NaN|Infinity|src=/)
  // Throughput: the voxels of the dataset over four seconds of work.
  expect((await get('/dashboard/blobs?json')).json().report.candidates).toMatchObject([
    { release: 'r1', mvoxelPerSecond: (160 * 128 * 96) / 4e6 },
    { release: 'r0', mvoxelPerSecond: null },
  ])
  for (const text of ['1 StoreError', '2 s (1)', 'synapse F1', 'throughput, Mvoxel/s']) expect(body).toContain(text)
  const links = [...body.matchAll(/href="(\/[^"]*)"/g)].map(m => m[1]!)
  for (const link of links.filter(l => !l.includes('/r0'))) expect((await get(link)).statusCode, link).toBeLessThan(400)
  expect((await get('/dashboard')).headers.location).toBe('/dashboard/blobs')
  expect((await get('/dashboard/none')).statusCode).toBe(404)
})

it('shows what it knew last while Temporal is away', async () => {
  away = new HillockError('StoreError', 'nobody answers')
  version = '2'
  const { statusCode, body } = await get('/dashboard/blobs')
  away = undefined
  expect(statusCode).toBe(200)
  expect(body).toContain('1 StoreError')
})

it('counts what is read of shards and table partitions, and advises by it', async () => {
  const shard = '/r/blobs/r1/em/0/0.shard'
  for (const range of ['bytes=0-99', 'bytes=100-199'])
    expect((await app.inject({ url: shard, headers: { range } })).statusCode).toBe(206)
  await get(`/api/v1/datasets/blobs/releases/r1/segments/${IDS[0]}/partners`)
  await get(`/api/v1/datasets/blobs/releases/r1/segments/${IDS[0]}/partners`)
  const { hot, caches, advice } = (await get('/dashboard/blobs?json')).json()
  expect(hot).toContainEqual(
    expect.objectContaining({ kind: 'shard', name: 'blobs/r1/em/0/0.shard', requests: 2, bytes: 200 }),
  )
  expect(hot).toContainEqual(
    expect.objectContaining({ kind: 'partition', name: 'blobs/r1/edges.parquet', requests: 2, saturated: false }),
  )
  expect(caches.tables.hits).toBeGreaterThanOrEqual(1)
  expect(advice.layers.em).toMatchObject({ chunk: [64, 64, 64], reads: [{ layer: 'em', mip: 0, requests: 2 }] })
  expect((await get('/dashboard/blobs')).body).toContain('--layer em --chunk')
  expect(advice.tables).toMatchObject({ partitions: 1, better: 1 })
  const metrics = (await app.inject('/metrics')).body.split('\n')
  const rate = (kind: string): number =>
    Number(metrics.find(l => l.startsWith(`hillock_hot_spot_per_second{kind="${kind}"} `))!.split(' ')[1])
  expect(rate('shard')).toBeCloseTo(hot.find((h: { kind: string }) => h.kind === 'shard').perSecond, 2)
  expect([rate('partition') > 0, rate('prefix')]).toEqual([true, 0])
  expect(metrics).toContain(`hillock_hot_spot_limit_per_second{kind="shard"} ${LIMITS.shard}`)
  expect(metrics).toContain(`hillock_cache_requests_total{cache="tables",result="hit"} ${caches.tables.hits}`)
})

it('calls saturated what is asked more often than its limit, until that is over', () => {
  const hot = new HotSpots()
  // Three minutes at twice the limit, and a name beside it that is asked once.
  const step = 1000 / (2 * LIMITS.partition)
  for (let at = 0; at < 180_000; at += step) hot.count('partition', 'a/r/edges.parquet', 10, 0, at)
  hot.count('partition', 'a/r/segments.parquet', 10, 0, 180_000)
  const [first, second] = hot.top('partition', 2, 180_000)
  expect(first).toMatchObject({ name: 'a/r/edges.parquet', saturated: true })
  expect(first!.perSecond / (2 * LIMITS.partition)).toBeCloseTo(1 - Math.exp(-3), 2)
  expect(second).toMatchObject({ requests: 1, saturated: false })
  expect(hot.top('partition', 1, 300_000)[0]).toMatchObject({ requests: first!.requests, saturated: false })
})

it('fits a small screen in light and in dark, and is reached by keyboard', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const view = await browser.newPage({ viewport: { width: 375, height: 700 }, colorScheme })
    const problems: string[] = []
    view.on('pageerror', e => problems.push(String(e)))
    await view.goto(`${address}/`)
    await view.locator('header a[href="/dashboard"]').press('Enter')
    await view.waitForURL('**/dashboard/blobs')
    await view.locator('text=Failures and recovery').waitFor()
    expect(await view.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(375)
    expect(await view.locator('header a[aria-current]').textContent()).toBe('Dashboard')
    // Bars are drawn in the accent of the scheme.
    const bar = await view.evaluate('getComputedStyle(document.querySelector("svg.plot rect.bar")).fill')
    expect(bar).toBe(colorScheme === 'light' ? 'rgb(31, 111, 235)' : 'rgb(121, 184, 255)')
    expect(problems).toEqual([])
    await view.close()
  }
}, 120_000)
