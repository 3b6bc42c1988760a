// Running again: what is the same is found, what depends on a change is made again, and nothing else.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../../client/commands/run.ts'
import { counts, Hillock, made, TINY } from '../harness.ts'

const hillock = new Hillock()
let first: RunReport

beforeAll(async () => {
  first = await hillock.fromTiny()
}, 300_000)
afterAll(() => hillock.close(), 60_000)

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

test('a model that is not what its card says is refused', async () => {
  const model = join(hillock.home, 'model')
  cpSync('models/fib-affinity', model, { recursive: true })
  const file = join(model, (JSON.parse(readFileSync(join(model, 'card.json'), 'utf8')) as { file: string }).file)
  const bytes = readFileSync(file)
  // The lowest bit of one weight in the middle of the file.
  bytes[Math.floor(bytes.length / 2) & ~3]! ^= 1
  writeFileSync(file, bytes)
  const refused = await hillock.cli('run', TINY, '--json', '--set', `model=${model}`)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('ModelMismatch')
})
