// Hillock as a library: a package of its own, linked as npm links it, adds a stage and a model, and reads, pauses and resumes through the client.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mean } from '../../../examples/my-lab/mean.ts'
import type { Release } from '../../../domain/release.ts'
import { shapeOf, type Box } from '../../../domain/geometry.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { readBox } from '../../../storage/formats/volume.ts'
import { checkout } from '../../../worker/home.ts'
import { Hillock } from '../harness.ts'

const lab = mkdtempSync(join(tmpdir(), 'hillock-lab-'))
const hillock = new Hillock({ HILLOCK_STAGES: join(lab, 'rows.ts') })
let said: { release: string; blurred: number; segments: number }

beforeAll(() => {
  cpSync(join(checkout, 'examples/my-lab'), lab, { recursive: true })
  mkdirSync(join(lab, 'node_modules'))
  symlinkSync(checkout, join(lab, 'node_modules/hillock'))
  const env = { ...process.env, HILLOCK_HOME: hillock.home, NODE_OPTIONS: '' }
  said = JSON.parse(execFileSync(process.execPath, ['run.ts'], { cwd: lab, env, encoding: 'utf8' }))
}, 300_000)
afterAll(async () => {
  await hillock.close()
  rmSync(lab, { recursive: true, force: true })
}, 60_000)

test('its stage is made of every region, by its recipe, and is what it computes of the EM, across regions too', async () => {
  const r = await hillock.json<Release>('release', 'show', said.release)
  expect([said.blurred, r.stages!['blur']!.length]).toEqual([2, 2])
  const store = artifactStore(fileStore(join(hillock.home, 'bucket')))
  const read = async (stage: string): Promise<Uint8Array> => {
    const records = await Promise.all(r.stages![stage]!.map(async ref => (await store.open(ref)).lineage))
    const at = new Map(records.map((l, i) => [JSON.stringify((l.recipe.extent as Box).min), r.stages![stage]![i]!]))
    const artifacts = (region: readonly number[]) => at.get(JSON.stringify(region.map((n, a) => n * r.regionShape[a]!)))
    const options = { regionShape: r.regionShape, bounds: r.bounds, box: r.bounds, mip: 0 }
    return (await readBox(store, { artifacts, ...options, dtype: 'uint8', encoding: 'raw' })).data
  }
  const expected = mean(await read('render'), r.bounds, r.bounds, 2)
  expect(expected.length).toBe(shapeOf(r.bounds).reduce((a, b) => a * b))
  expect(Buffer.compare(await read('blur'), expected)).toBe(0)
})

test('the release verifies, its server was asked about it, and its model is the one of the lab', async () => {
  expect((await hillock.cli('verify', said.release)).code).toBe(0)
  expect(said.segments).toBeGreaterThan(0)
  const { stages } = await hillock.json<{ stages: { stage: string; models: { value: string }[] }[] }>(
    'lineage',
    said.release,
  )
  const digest = 'ce2746e8910a88344e4afc637ef12202e3b1badbcb0f6bd89dd42b56fc438e6f'
  expect(stages.find(s => s.stage === 'affinity')!.models.map(m => m.value)).toEqual([digest])
})
