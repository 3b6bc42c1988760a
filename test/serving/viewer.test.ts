// The bundled viewer in a real browser on a synthetic release: EM, segmentation, meshes and a synapse by their pixels.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Browser, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { launchBrowser, openViewer, viewerState } from '../browser.ts'
import { makeFixture, type Fixture } from './fixture.ts'
import { BOUNDS, IDS, label, SYNAPSE } from './neurites.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const viewerDir = join(root, 'dist/viewer')
// Small: every pixel is drawn in software.
const size = { width: 1000, height: 700 }

let fixture: Fixture
let app: FastifyInstance
let browser: Browser
let page: Page
const problems: string[] = []
const requests: { url: string; status: number }[] = []

beforeAll(async () => {
  if (!existsSync(join(viewerDir, 'index.html')))
    execFileSync(
      process.execPath,
      [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--config', 'serving/viewer/vite.config.ts'],
      { cwd: root },
    )
  fixture = await makeFixture()
  app = createServer({ store: fileStore(fixture.folder), viewerDir })
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  browser = await launchBrowser()
  page = await browser.newPage({ viewport: size })
  page.on('pageerror', e => problems.push(String(e)))
  page.on('response', r => requests.push({ url: r.url(), status: r.status() }))
  page.on('requestfailed', r => problems.push(`${r.url()} ${r.failure()?.errorText}`))
  await openViewer(page, `${address}/view/blobs/published`)
}, 180_000)
afterAll(async () => {
  await browser?.close()
  await app?.close()
  await fixture?.remove()
})

interface Rect {
  left: number
  top: number
  width: number
  height: number
}

/** Where the viewer draws its panels: slices in the order xy, xz, yz (of 4panel-alt: xy, yz, xz) and the 3-D one. */
const panels = (): Promise<{ slices: Rect[]; solid: Rect }> =>
  page.evaluate(`(() => {
    const rect = p => { const r = p.element.getBoundingClientRect(); return { left: r.left, top: r.top, width: r.width, height: r.height } }
    const all = [...globalThis.viewer.display.panels]
    return { slices: all.filter(p => p.sliceView).map(rect), solid: rect(all.find(p => !p.sliceView)) }
  })()`)

interface Picture {
  at(x: number, y: number): [number, number, number]
}

async function photograph(): Promise<Picture> {
  const png = await page.screenshot()
  const folder = process.env['HILLOCK_SCREENSHOTS']
  if (folder) {
    const file = join(folder, 'viewer-test.png')
    mkdirSync(dirname(file), { recursive: true })
    await sharp(png).toFile(file)
  }
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return {
    at(x, y) {
      const i = 3 * (Math.round(y) * info.width + Math.round(x))
      return [data[i]!, data[i + 1]!, data[i + 2]!]
    },
  }
}

/** Hue in degrees and saturation and value of 0 to 1. */
function hsv([r, g, b]: [number, number, number]): { hue: number; saturation: number; value: number } {
  const max = Math.max(r, g, b)
  const range = max - Math.min(r, g, b)
  const sector = max === r ? (g - b) / range : max === g ? 2 + (b - r) / range : 4 + (r - g) / range
  return { hue: range === 0 ? 0 : (60 * sector + 360) % 360, saturation: max === 0 ? 0 : range / max, value: max / 255 }
}

const apart = (a: number, b: number): number => Math.min(Math.abs(a - b), 360 - Math.abs(a - b))
const Z = BOUNDS.max[2] / 2

/** Holds the slice against the release: EM in grey levels, three segments each in a colour of its own, a synapse. */
async function slice(picture: Picture): Promise<number[]> {
  const { slices } = await panels()
  const state = (await viewerState(page)) as { crossSectionScale: number; position: number[] }
  // The slice at the top left is xy.
  const xy = slices.toSorted((a, b) => a.left + a.top - b.left - b.top)[0]!
  const onScreen = (x: number, y: number): [number, number] => [
    xy.left + xy.width / 2 + (x - state.position[0]!) / state.crossSectionScale,
    xy.top + xy.height / 2 + (y - state.position[1]!) / state.crossSectionScale,
  ]
  const synapse = [0, 1].map(a => (SYNAPSE.prePoint[a]! + SYNAPSE.postPoint[a]!) / 2) as [number, number]

  const greys = new Set<number>()
  const hues: number[][] = IDS.map(() => [])
  let tinted = 0
  let plain = 0
  for (let y = 4.5; y < BOUNDS.max[1] - 4; y++)
    for (let x = 4.5; x < BOUNDS.max[0] - 4; x++) {
      // Only voxels whose neighbours hold the same; away from the axis lines and the synapse.
      const here = label(x | 0, y | 0, Z)
      if ([-2, 2].some(d => label((x | 0) + d, y | 0, Z) !== here || label(x | 0, (y | 0) + d, Z) !== here)) continue
      if (Math.abs(x - 80) < 3 || Math.abs(y - 64) < 3 || Math.hypot(x - synapse[0], y - synapse[1]) < 14) continue
      const [left, top] = onScreen(x, y)
      // Off the panel, or under the axis names, the buttons and the scale bar in its corners.
      if (left < xy.left + 30 || left > xy.left + xy.width - 8 || top < xy.top + 30 || top > xy.top + xy.height - 45)
        continue
      const { hue, saturation, value } = hsv(picture.at(left, top))
      if (here === 0n) {
        plain++
        if (saturation > 0.08) tinted++
        else greys.add(Math.round(value * 255))
      } else hues[IDS.indexOf(here as (typeof IDS)[number])]!.push(saturation > 0.2 ? hue : Number.NaN)
    }
  expect(greys.size).toBeGreaterThan(25)
  expect(tinted / plain).toBeLessThan(0.03)

  const colours = hues.map((list, i) => {
    expect(list.length, `voxels of segment ${i} seen`).toBeGreaterThan(300)
    const sorted = list.filter(h => !Number.isNaN(h)).sort((a, b) => a - b)
    // Skeletons cross the slice in the segment's own colour, so nearly every pixel has the one hue.
    const hue = sorted[sorted.length >> 1]!
    expect(sorted.filter(h => apart(h, hue) < 8).length / list.length, `segment ${i} in one colour`).toBeGreaterThan(
      0.9,
    )
    return hue
  })
  for (const [i, j] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const)
    expect(apart(colours[i]!, colours[j]!)).toBeGreaterThan(15)

  const line = hsv(picture.at(...onScreen(...synapse)))
  expect([line.saturation > 0.7, line.value > 0.8, apart(line.hue, 50) < 12]).toEqual([true, true, true])
  return colours
}

it('draws EM in grey levels, three segments in their colours, a synapse, and the meshes in 3-D', async () => {
  const picture = await photograph()
  const colours = await slice(picture)
  const { solid } = await panels()
  const seen = colours.map(() => 0)
  for (let y = solid.top + 2; y < solid.top + solid.height - 2; y += 2)
    for (let x = solid.left + 2; x < solid.left + solid.width - 2; x += 2) {
      const { hue, saturation, value } = hsv(picture.at(x, y))
      if (saturation < 0.4 || value < 0.15) continue
      colours.forEach((c, i) => apart(hue, c) < 8 && seen[i]!++)
    }
  // Each neurite covers at least a hundredth of the 3-D panel.
  const area = (solid.width * solid.height) / 4
  for (const [i, n] of seen.entries()) expect(n / area, `mesh ${i}`).toBeGreaterThan(0.01)
})

it('knows its layers, and has asked nobody but our server', async () => {
  const layers = (await page.evaluate(`globalThis.viewer.layerManager.managedLayers.map(l => ({
    name: l.name,
    loaded: l.layer.dataSources.every(d => d.loadState && !d.loadState.error),
    segments: l.layer.displayState?.segmentationGroupState?.value.visibleSegments.size ?? null,
  }))`)) as unknown
  expect(layers).toEqual([
    { name: 'em', loaded: true, segments: null },
    { name: 'segmentation', loaded: true, segments: 3 },
    { name: 'synapses', loaded: true, segments: null },
  ])
  expect(problems).toEqual([])
  const { origin } = new URL(page.url())
  expect(requests.filter(r => !r.url.startsWith(`${origin}/`) && !/^(data|blob):/.test(r.url))).toEqual([])
  // What is missing is what the release declares missing: the EM of the hole.
  const refused = requests.filter(r => r.status >= 400).map(r => new URL(r.url).pathname)
  expect(refused.filter(path => path !== '/r/blobs/r1/em/0/e.shard')).toEqual([])
  for (const part of ['/segmentation/mesh/', '/segmentation/skeleton/', '/synapses/', '/em/0/'])
    expect(
      requests.some(r => r.status < 300 && r.url.includes(part)),
      part,
    ).toBe(true)
})

it('draws the same from the analysis layout', async () => {
  const state = (await viewerState(page)) as { layers: { name: string; source: unknown }[] }
  const root = `${new URL(page.url()).origin}/r/blobs/r1/zarr`
  for (const [name, source] of Object.entries({ em: root, segmentation: `${root}/labels/segmentation` }))
    state.layers.find(l => l.name === name)!.source = `${source}/|zarr3:`
  const url = page.url().split('#')[0]!
  await page.goto('about:blank')
  requests.length = 0
  await openViewer(page, `${url}#!${encodeURIComponent(JSON.stringify(state))}`)
  await slice(await photograph())
  // The sizes of shards are asked with HEAD, which Chrome calls aborted.
  expect(problems.filter(p => !p.includes('ERR_ABORTED'))).toEqual([])
  for (const part of ['/zarr/0/c/', '/zarr/labels/segmentation/0/c/'])
    expect(
      requests.some(r => r.status < 300 && r.url.includes(part)),
      part,
    ).toBe(true)
})
