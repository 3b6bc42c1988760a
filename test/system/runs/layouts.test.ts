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
    [['--layer', 'mesh', '--chunk', '32,32,32'], /--layer mesh: em or .*segmentation/],
    [['--layer', 'em', '--chunk', '48,64,64'], /stages.pyramid.chunk.0/],
    [['--layer', 'segmentation', '--encoding', 'png'], /encoding/],
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
