// Layouts of a release: rebalanced without making anything else, and its EM imported again as the source of another dataset.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../client/commands/run.ts'
import { openVolume } from '../../storage/foreign/volume.ts'
import { Hillock, made } from './harness.ts'

const TINY = 'test/fixtures/tiny.yaml'
let hillock: Hillock
let first: RunReport
beforeAll(async () => {
  hillock = new Hillock()
  first = await hillock.run(TINY)
}, 600_000)
afterAll(() => hillock.close())

const url = (r: RunReport, layer: string): string => r.layers[layer]!.replace('precomputed://', '')

test('a rebalanced layer is a patch release of the same content, and only its pyramid was made', async () => {
  const ids = await hillock.json<RunReport>(
    ...['rebalance', first.release, '--layer', 'segmentation', '--chunk', '32,32,64', '--shard', '32,32,64'],
  )
  expect(made(ids)).toEqual(['label-pyramid'])
  const r = await hillock.json<RunReport>(
    ...['rebalance', 'tiny/published', '--layer', 'em', '--chunk', '64,64,32', '--encoding', 'png'],
  )
  expect(made(r)).toEqual(['pyramid'])
  expect([r.digest, r.layerDigests]).toEqual([first.digest, first.layerDigests])
  expect(r.release).not.toBe(first.release)
  const show = await hillock.json<{ parent: string; channels: object }>('release', 'show', `tiny/${r.release}`)
  expect(show).toMatchObject({ parent: ids.release, channels: { published: { release: r.release } } })
  for (const layer of ['em', 'segmentation']) {
    const [a, b] = await Promise.all([openVolume(url(first, layer)), openVolume(url(r, layer))])
    expect(b!.format).not.toBe(layer === 'em' ? a!.format : '')
    expect(b!.mips.map(m => m.chunk)).not.toEqual(a!.mips.map(m => m.chunk))
    for (const [mip, { bounds }] of a!.mips.entries())
      expect(await b!.read(mip, bounds)).toEqual(await a!.read(mip, bounds))
  }
}, 400_000)

test('what cannot be rebalanced is refused', async () => {
  for (const [args, why] of [
    [['--layer', 'mesh', '--chunk', '32,32,32'], /em or segmentation/],
    [['--layer', 'em'], /--chunk, --shard or --encoding/],
    [['--layer', 'em', '--chunk', '48,64,64'], /stages.pyramid.chunk.0/],
    [['--layer', 'segmentation', '--encoding', 'png'], /encoding/],
  ] as const) {
    const { code, stderr } = await hillock.cli('rebalance', first.release, ...args)
    expect([code, stderr]).toEqual([1, expect.stringMatching(why)])
  }
}, 100_000)

test('the EM of a release, imported, is the EM of the new dataset', async () => {
  const file = join(hillock.home, 'again.yaml')
  const { stdout } = await hillock.cli('import', url(first, 'em'), '--dataset', 'again', '--out', file)
  expect(stdout).toContain('precomputed image, raw, sharded')
  expect(readFileSync(file, 'utf8')).toContain('voxelSizeNm: [ 10, 10, 10 ]')
  const r = await hillock.run(file, 'through=render')
  expect(r.layerDigests['em']).toBe(first.layerDigests['em'])
}, 300_000)
