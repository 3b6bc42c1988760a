// Running again: what is the same is found, what depends on a change is made again, and nothing else.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../client/commands/run.ts'
import { counts, Hillock, made, TINY } from './harness.ts'

const hillock = new Hillock()
const scratch = mkdtempSync(join(tmpdir(), 'hillock-reuse-'))
let first: RunReport

beforeAll(async () => {
  first = await hillock.fromTiny()
}, 300_000)
afterAll(async () => {
  await hillock.close()
  rmSync(scratch, { recursive: true, force: true })
}, 60_000)

const ALWAYS = ['phantom', 'ingest', 'stitch', 'match', 'align', 'render', 'pyramid']

test('the first run makes everything, with exact counts', () => {
  const c = counts(first)
  expect(c).toMatchObject({
    phantom: [4, 0],
    ingest: [64, 0],
    stitch: [64, 0],
    match: [125, 0],
    align: [1, 0],
    render: [4, 0],
    affinity: [4, 0],
    rag: [4, 0],
    agglomerate: [5, 0],
    segment: [4, 0],
    evaluate: [1, 0],
  })
  expect(first.stages.find(s => s.stage === 'ingest')!.quarantined).toBe(1)
  expect(first.holes.map(h => h.what)).toContain('section 20 tile r0c0')
})

test('the same file again makes nothing and is the same release', async () => {
  const again = await hillock.run(TINY)
  expect(made(again)).toEqual([])
  expect(again.release).toBe(first.release)
  expect(again.digest).toBe(first.digest)
  expect(again.holes).toEqual(first.holes)
})

test('another agglomeration threshold leaves all before the tree alone', async () => {
  const r = await hillock.run(TINY, 'stages.agglomerate.threshold=0.9')
  const c = counts(r)
  for (const s of [...ALWAYS, 'affinity', 'synapse-map', 'supervoxel', 'rag']) expect(c[s]![0], s).toBe(0)
  expect(c['agglomerate']![0]).toBeGreaterThan(0)
  expect(c['segment']![0]).toBeGreaterThan(0)
  expect(r.release).not.toBe(first.release)
})

test('one changed byte of the model runs inference again and what follows from it', async () => {
  const model = join(scratch, 'model')
  cpSync('models/fib-affinity', model, { recursive: true })
  const card = JSON.parse(readFileSync(join(model, 'card.json'), 'utf8'))
  const bytes = readFileSync(join(model, card.file))
  // The lowest bit of one weight in the middle of the file.
  const at = Math.floor(bytes.length / 2) & ~3
  bytes[at]! ^= 1
  writeFileSync(join(model, card.file), bytes)
  const refused = await hillock.cli('run', TINY, '--json', '--set', `model=${model}`)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('ModelMismatch')
  writeFileSync(
    join(model, 'card.json'),
    JSON.stringify({ ...card, sha256: createHash('sha256').update(bytes).digest('hex') }),
  )
  const r = await hillock.run(TINY, `model=${model}`)
  const c = counts(r)
  expect(c['affinity']).toEqual([4, 0])
  for (const s of [...ALWAYS, 'synapse-map']) expect(c[s]![0], s).toBe(0)
}, 300_000)

test('one changed tile runs its section again and the regions that show it', async () => {
  const out = join(scratch, 'specimen')
  await hillock.cli('phantom', TINY, '--out', out)
  const file = join(scratch, 'tiles.yaml')
  const yaml = readFileSync(TINY, 'utf8')
  writeFileSync(
    file,
    `dataset: tiles\nvoxelSizeNm: [10, 10, 10]\nsource:\n  layout: ${out}/layout.json\n${yaml.slice(yaml.indexOf('grid:')).replace('truth: phantom', `truth: ${out}/labels.npy.gz`)}`,
  )
  const before = await hillock.run(file)
  expect(counts(before)['ingest']).toEqual([0, 64])
  // What tiles show, not where they came from, names the artifacts: all of them are found.
  expect(counts(before)['affinity']).toEqual([0, 4])
  expect(before.layerDigests['segmentation']).toBe(first.layerDigests['segmentation'])

  cpSync(join(out, 'tiles/z00040/r1c1.png'), join(out, 'tiles/z00041/r1c1.png'))
  const r = await hillock.run(file)
  const c = counts(r)
  expect(c['ingest']).toEqual([1, 63])
  expect(c['stitch']).toEqual([1, 63])
  // Section 41 against 40 and 39, 42 and 43 against it.
  expect(c['match']).toEqual([4, 121])
  expect(c['align']).toEqual([1, 0])
  expect(c['render']![0]).toBeGreaterThan(0)
}, 300_000)
