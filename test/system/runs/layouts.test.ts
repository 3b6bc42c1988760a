// Layouts of a release: rebalanced without making anything else, and its EM imported again as the source of another dataset.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../../client/commands/run.ts'
import type { Reads } from '../../../domain/releases/read-cost.ts'
import { openVolume } from '../../../storage/foreign/volume.ts'
import { Hillock, made } from '../harness.ts'

const hillock = new Hillock()
let first: RunReport
beforeAll(async () => {
  first = await hillock.fromTiny()
}, 300_000)
afterAll(() => hillock.close(), 60_000)

const rebalance = (release: string, layer: string, ...args: string[]): Promise<RunReport> =>
  hillock.json<RunReport>('rebalance', release, '--layer', layer, ...args)
test('a rebalanced layer is a patch release of the same content, and only its pyramid was made', async () => {
  const ids = await rebalance(first.release, 'segmentation', '--chunk', '32,32,64', '--shard', '32,32,64')
  expect(made(ids)).toEqual(['label-pyramid'])
  const r = await rebalance('tiny/published', 'em', '--chunk', '64,64,32', '--encoding', 'png')
  expect(made(r)).toEqual(['pyramid'])
  expect([r.digest, r.layerDigests]).toEqual([first.digest, first.layerDigests])
  expect(r.release).not.toBe(first.release)
  const show = await hillock.json<{ parent: string; channels: object }>('release', 'show', `tiny/${r.release}`)
  expect(show).toMatchObject({ parent: ids.release, channels: { published: { release: r.release } } })
  for (const [name, chunk, format] of [
    ['em', [64, 64, 32], 'precomputed image, png, sharded'],
    ['segmentation', [32, 32, 64], 'precomputed segmentation, compressed_segmentation, sharded'],
  ] as const) {
    const [a, b] = await Promise.all([openVolume(hillock.layer(first, name)), openVolume(hillock.layer(r, name))])
    expect(b.format).toBe(format)
    expect(b.mips).toMatchObject(a.mips.map(({ name, bounds, voxelSizeNm }) => ({ name, bounds, voxelSizeNm, chunk })))
    expect(a.mips[0]!.chunk).toEqual([64, 64, 64])
    for (const [mip, { bounds }] of a.mips.entries())
      expect(await b.read(mip, bounds)).toEqual(await a.read(mip, bounds))
  }
}, 400_000)

test('tables in other partitions are a patch release that answers the same, and says what it is', async () => {
  const { serving } = hillock.stack()
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${serving}${path}`)
    expect(answer.status, path).toBe(200)
    return answer.json()
  }
  interface Answer {
    readonly rows: readonly { readonly segment: string }[]
  }
  const answers = async (release: string): Promise<unknown> => {
    const at = `/api/v1/datasets/tiny/releases/${release}`
    const rows = async (path: string): Promise<Answer['rows']> => ((await ask(`${at}/${path}`)) as Answer).rows
    const sql = async (text: string): Promise<Answer['rows']> => {
      const body = JSON.stringify({ sql: text, limit: 100_000 })
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${serving}${at}/sql`, { method: 'POST', body, headers })
      expect(answer.status, text).toBe(200)
      return ((await answer.json()) as Answer).rows
    }
    const tables = []
    for (const table of ['segments', 'edges', 'synapses', 'contacts'])
      tables.push(await sql(`SELECT * FROM ${table} ORDER BY ALL`))
    expect(tables.map(t => t.length > 0)).toEqual([true, true, true, true])
    const asked = await sql('SELECT segment FROM segments ORDER BY n_pre + n_post DESC, segment LIMIT 5')
    const each = []
    for (const { segment } of asked) {
      each.push(await rows(`segments/${segment}/partners?direction=both`))
      each.push(await rows(`segments/${segment}/contacts`))
      each.push(await rows(`synapses?pre=${segment}`), await rows(`synapses?post=${segment}`))
    }
    return { tables, each, box: await rows('synapses?box=0,0,0,100,90,60') }
  }
  const before = await answers(first.release)
  const r = await rebalance(first.release, 'graph', '--partitions', '4')
  expect(made(r).toSorted()).toEqual(['evaluate', 'graph'])
  expect(await answers(r.release)).toEqual(before)
  for (const layer of ['em', 'segmentation']) expect(r.layerDigests[layer]).toBe(first.layerDigests[layer])
  expect(r.quality).toEqual(first.quality)
  const { summary } = (await ask(`/lineage/tiny/${r.release}?json`)) as { summary: { stages: object[] } }
  expect(summary.stages).toContainEqual(expect.objectContaining({ stage: 'graph', artifacts: 4 }))
  expect(await rebalance(r.release, 'graph')).toMatchObject({ partitions: 4, better: 1 })
  // And back: the same artifact as before.
  const back = await rebalance(r.release, 'graph', '--partitions', '1')
  expect(back.digest).toBe(first.digest)
  expect(made(back)).toEqual([])
}, 400_000)

test('without a shape it says what has been read, and which chunks would suit', async () => {
  const advice = await hillock.json<{ chunk: number[]; better: number[]; reads: Reads[] }>(
    'rebalance',
    first.release,
    '--layer',
    'segmentation',
  )
  expect(advice.chunk).toEqual([64, 64, 64])
  // The whole volume was read above in a few small chunks.
  expect(advice.reads.map(r => [r.layer, r.mip])).toEqual([
    ['segmentation', 0],
    ['segmentation', 1],
  ])
  expect(advice.better).toEqual([128, 128, 128])
  expect((await hillock.cli('rebalance', first.release, '--layer', 'em')).stdout).toContain('proofreading')
}, 60_000)

test('what cannot be rebalanced is refused', async () => {
  await hillock.json('invalidate', '--dataset', 'tiny', '--section', '40', '--reason', 'knife mark')
  const refused = [
    [['--layer', 'em', '--chunk', '32,32,32'], /more than the layout .*render/],
    [['--layer', 'mesh', '--chunk', '32,32,32'], /--layer mesh: graph or em or .*segmentation/],
    [['--layer', 'em', '--chunk', '48,64,64'], /stages.pyramid.chunk.0/],
    [['--layer', 'segmentation', '--encoding', 'png'], /encoding/],
    [['--layer', 'graph', '--partitions', '3'], /stages.graph.partitions.* a power of two/],
  ] as const
  const answers = await Promise.all(refused.map(([args]) => hillock.cli('rebalance', first.release, ...args)))
  expect(answers).toEqual(refused.map(([, why]) => ({ code: 1, stdout: '', stderr: expect.stringMatching(why) })))
}, 100_000)

test('the EM of a release, imported, is the EM of the new dataset', async () => {
  const file = join(hillock.home, 'again.yaml')
  const { stdout } = await hillock.cli('import', hillock.layer(first, 'em'), '--dataset', 'again', '--out', file)
  expect(stdout).toContain('precomputed image, raw, sharded')
  const r = await hillock.run(file, 'through=render')
  expect(r.layerDigests['em']).toBe(first.layerDigests['em'])
}, 300_000)
