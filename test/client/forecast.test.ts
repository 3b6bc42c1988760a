// The forecast of a plan of which nothing was ever measured: at the rates of another release, else of the demo; never nought.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { forecast } from '../../client/forecast.ts'
import { parseRunConfig } from '../../domain/config.ts'
import { voxels } from '../../domain/geometry.ts'
import { secondsLike, type Plan } from '../../domain/plan/plan.ts'
import { fileStore } from '../../storage/file-store.ts'
import { makeFixture, type Fixture } from '../serving/fixture.ts'

let fixture: Fixture
const empty = mkdtempSync(join(tmpdir(), 'hillock-forecast-'))
beforeAll(async () => {
  fixture = await makeFixture()
})
afterAll(async () => {
  await fixture.remove()
  rmSync(empty, { recursive: true })
})

const configOf = (stages: object = {}) =>
  parseRunConfig(
    { dataset: 'new', voxelSizeNm: [8, 8, 8], source: { phantom: {} }, price: { perCpuHour: 3.6 }, stages },
    'run.yaml',
  )
const config = configOf()
const item = (stage: string, cell: string, measured: Plan['items'][number]['measured']) => ({
  stage,
  cell,
  certain: true,
  why: [],
  measured,
})
const planOf = (items: Plan['items']): Plan => ({
  id: 'p',
  dataset: 'new',
  config: 'c',
  base: null,
  bounds: { min: [0, 0, 0], max: [320, 256, 192] },
  region: [64, 64, 64],
  expected: { render: 4, affinity: 2 },
  items,
  currency: 'USD',
})

test('is at the rates of another release of the bucket, by voxels of the dataset; what was measured counts as measured', async () => {
  const { release } = fixture
  const objects = fileStore(fixture.folder)
  const two = [item('render', '0_0_0', null), item('render', '1_0_0', null)]
  const known = item('render', '2_0_0', { voxels: 1, seconds: 100, cost: 7 })
  const plan = planOf([...two, known])
  const ahead = (await forecast(objects, plan, config))!
  // Each artifact of the fixture took 1.5 seconds.
  const made = release.stages!['render']!.length * 1.5
  const rest = made * (voxels(plan.bounds) / voxels(release.bounds)) * (2 / 4)
  expect(ahead.from).toContain(`${release.dataset}/${release.release}`)
  expect(ahead.seconds).toBeCloseTo(rest + 100, 6)
  expect(ahead.cost).toBeCloseTo(rest / 1000 + 7, 6)
  expect(await forecast(objects, planOf([known]), config)).toBeUndefined()
  expect((await forecast(objects, planOf([item('affinity', '0_0_0', null)]), config))!.unknown).toEqual(['affinity'])
})

test('is at those of the demo where the bucket has no release', async () => {
  const ahead = (await forecast(fileStore(empty), planOf([item('affinity', '0_0_0', null)]), config))!
  expect(ahead.from).toContain('the demo')
  expect(ahead.seconds).toBeGreaterThan(1)
})

test('mirror images count: what goes through the model, as often as now against as often as then', async () => {
  const plan = planOf([item('affinity', '0_0_0', null), item('render', '0_0_0', null)])
  const secondsOf = async (stages: object): Promise<number> =>
    (await forecast(fileStore(empty), plan, configOf(stages)))!.seconds
  const [once, eight] = [await secondsOf({}), await secondsOf({ affinity: { augment: 8 } })]
  const alone = (await forecast(fileStore(empty), planOf(plan.items.slice(0, 1)), config))!.seconds
  expect(eight - once).toBeCloseTo(7 * alone, 6)

  const took = { kernel: 1, inference: 6, io: 9 }
  const like = (parameters: object) => ({ seconds: took, recipe: { parameters } }) as never
  expect(secondsLike(like({}), { augment: 2 })).toBe(13)
  expect(secondsLike(like({ augment: 2 }), { augment: 8 })).toBe(25)
  expect(secondsLike(like({ augment: 2 }), { augment: 'none' })).toBe(4)
  expect(secondsLike(like({}), undefined)).toBe(7)
})
