// The pages: list of datasets, stage diagram, lineage from a voxel to the raw archive.
import { unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { sealed } from '../../storage/sealed.ts'
import { artifactKey } from '../../storage/lineage-record.ts'
import { makeFixture, type Fixture } from './fixture.ts'

let fixture: Fixture
let app: FastifyInstance
beforeAll(async () => {
  fixture = await makeFixture()
  app = createServer({
    store: fileStore(fixture.folder),
    viewerDir: '/nonexistent',
    temporalUi: 'http://127.0.0.1:8233/namespaces/default/workflows',
  })
})
afterAll(async () => {
  await app.close()
  await fixture.remove()
})

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })

describe('pages', () => {
  const page = async (url: string): Promise<string> => {
    const answer = await get(url, { accept: 'text/html' })
    expect(answer.statusCode, url).toBe(200)
    expect(answer.headers['content-type']).toMatch(/text\/html/)
    // Self-contained: nothing is fetched from anywhere.
    expect(answer.body).not.toMatch(/src=|<link[^>]*href="[^d]|@import|url\((?!#)/)
    expect(answer.body).not.toContain('undefined')
    return answer.body
  }
  const links = (body: string): string[] =>
    [...body.matchAll(/href="(\/[^"]*)"/g)].map(m => m[1]!.replaceAll('&amp;', '&'))

  it('list the dataset with its channel, quality and links that all lead somewhere', async () => {
    const body = await page('/')
    expect(body).toMatch(/published/)
    expect(body).toContain('0.0625')
    for (const link of links(body)) expect((await get(link)).statusCode, link).toBeLessThan(400)
    expect((await get('/?json')).json()[0]).toMatchObject({
      dataset: 'blobs',
      channels: [{ channel: 'published', release: 'r1' }],
    })
  })

  it('list releases, not their signatures', async () => {
    const before = (await get('/?json')).json()
    await writeFile(join(fixture.folder, 'releases/blobs/r1.0123456789abcdef.dsse.json'), '{}')
    expect((await get('/?json')).json()).toEqual(before)
  })

  it('list releases also where a channel is damaged', async () => {
    const objects = fileStore(fixture.folder)
    const set = async (value: string): Promise<boolean> =>
      objects.swapRef('refs/blobs/published', (await objects.readRef('refs/blobs/published'))!.version, value)
    const before = (await objects.readRef('refs/blobs/published'))!
    for (const value of ['garbage', sealed({ a: 1 })]) {
      await set(value)
      expect((await get('/?json')).json()[0]).toMatchObject({ dataset: 'blobs', releases: [{ release: 'r1' }] })
      const named = await get('/release/blobs/published')
      expect(named.statusCode).toBe(500)
      expect(named.json().error).toMatch(/^MissingArtifact: refs\/blobs\/published is/)
    }
    await set(before.value)
  })

  it('draw the stages with the reads between them, and escape what records say', async () => {
    const body = await page('/lineage/blobs/r1')
    expect(body).not.toContain('<b>&')
    // Of a source that begins below 0, too.
    const [, pattern] = /name="at"[^>]*pattern="([^"]*)"/.exec(body)!
    expect('-12, 3,40').toMatch(new RegExp(`^(?:${pattern})$`, 'v'))
    expect(body).toContain('left out by the test')
    expect(body).toContain('href="http://127.0.0.1:8233/namespaces/default/workflows/reconstruct%2Fblobs%2Fr1/run"')
    const { summary } = (await get('/lineage/blobs/r1?json')).json()
    expect(summary.missing).toEqual([])
    expect(summary.stages.map((s: { stage: string }) => s.stage)).toEqual([
      'render',
      'segment',
      'mesh',
      'skeleton',
      'mesh-join',
      'skeleton-join',
      'graph',
      'pyramid',
      'label-pyramid',
    ])
    const edges = summary.edges.map(
      (e: { from: string; to: string; inputs: number }) => `${e.from} ${e.to} ${e.inputs}`,
    )
    expect(edges).toContain('segment mesh 12')
    expect(edges).toContain('mesh mesh-join 1')
    const render = summary.stages[0]
    expect(render.artifacts).toBe(fixture.release.stages!['render']!.length)
    expect(render.cost).toBeCloseTo(0.001 * render.artifacts, 9)
    expect(render.parameters).toEqual([{ value: { threshold: 0.3 }, artifacts: render.artifacts }])
  })

  it('lead from a voxel through its artifacts to the raw archive, and back', async () => {
    const start = await page('/lineage/blobs/r1?at=10,%2020,30')
    const recipe = fixture.release.layers.segmentation!.regions!['0_0_0']!.recipe
    const segment = links(start).find(l => l.startsWith(`/lineage/artifact/segment/${recipe}`))
    expect(segment).toBeDefined()
    const record = await page(segment!)
    const up = links(record).find(l => l.startsWith('/lineage/artifact/render/'))
    expect(await page(up!)).toContain('raw archive')
    const down = links(record).find(l => l.startsWith('/lineage/artifact/mesh/'))
    expect(await page(down!)).toContain('pack.index')
    const json = (await get(`/lineage/artifact/segment/${recipe}?json`)).json()
    expect(json).toMatchObject({ rawBehind: 1, inputs: [{ name: 'render/0_0_0', ref: { stage: 'render' } }] })
    expect((await get('/lineage/blobs/r1?at=1,2')).statusCode).toBe(400)
    expect((await get(`/lineage/artifact/segment/${'0'.repeat(64)}`)).statusCode).toBe(404)
  })

  it('say when a lineage record cannot be read', async () => {
    const ref = fixture.release.stages!['graph']![0]!
    await unlink(join(fixture.folder, artifactKey(ref.stage, ref.recipe, 'lineage.json')))
    const fresh = createServer({ store: fileStore(fixture.folder), viewerDir: '/nonexistent' })
    const { summary } = (await fresh.inject('/lineage/blobs/r1?json')).json()
    expect(summary.missing).toEqual([ref])
    expect((await fresh.inject('/lineage/blobs/r1')).body).toContain('cannot be read')
    await fresh.close()
  })
})
