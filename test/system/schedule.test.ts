// Schedules on the real server: made, triggered, paused, planned, deleted; a run with nothing to do ends at once.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../client/commands/run.ts'
import { Hillock } from './harness.ts'

const TINY = 'test/fixtures/tiny.yaml'
const hillock = new Hillock()
let first: RunReport
beforeAll(async () => {
  first = await hillock.run(TINY)
}, 300_000)
afterAll(() => hillock.close(), 60_000)

interface Shown {
  readonly schedule: string
  readonly paused: boolean
  readonly note: string
  readonly next: string[]
  readonly recent: { workflow: string }[]
}
const schedule = (...args: string[]): Promise<Shown> => hillock.json<Shown>('schedule', ...args)

/** Triggers, and waits until the action has run and the release list answers what is asked. */
async function acted(name: string): Promise<string> {
  const before = (await schedule('show', name)).recent.length
  await hillock.cli('schedule', 'trigger', name)
  for (let i = 0; i < 120; i++) {
    const { recent } = await schedule('show', name)
    if (recent.length > before) return recent.at(-1)!.workflow
    await sleep(500)
  }
  throw new Error(`${name} never acted`)
}

test('a schedule of an unchanged file has an empty plan and makes nothing', async () => {
  const made = await schedule('create', TINY, '--name', 'nightly', '--cron', '0 3 * * *', '--pause-on-failure')
  expect(made).toMatchObject({ schedule: 'tiny/nightly', paused: false, overlap: 'SKIP', pauseOnFailure: true })
  expect(made.next[0]).toContain('T03:00:00')
  const plan = await hillock.json<{ items: unknown[] }>('schedule', 'plan', 'tiny/nightly')
  expect(plan.items).toEqual([])
  expect(await acted('tiny/nightly')).toMatch(/^reprocess\/tiny\/nightly-/)
  await sleep(3000)
  const { runs } = await hillock.json<{ runs: { workflowId: string }[] }>('status', '--all')
  expect(runs.length).toBe(1)
}, 120_000)

test('a schedule of changed parameters makes what its plan says and publishes it', async () => {
  await schedule(
    'create',
    TINY,
    '--name',
    'patch',
    '--every',
    '6h',
    '--overlap',
    'buffer-one',
    '--set',
    'stages.mesh.ratio=0.5',
  )
  await acted('tiny/patch')
  for (let i = 0; i < 240; i++) {
    const list = await hillock.json<{ releases: { release: string; channels: string[] }[] }>('release', 'list', 'tiny')
    if (list.releases.find(r => r.channels.includes('published'))!.release !== first.release) return
    await sleep(500)
  }
  throw new Error('no other release was ever published')
}, 200_000)

test('sentinel boxes are scored and the scores kept', async () => {
  const sets = ['--set', 'evaluate.sentinels=[{min: [0, 0, 0], max: [64, 64, 64]}]']
  await schedule('create', TINY, '--name', 'sentinels', '--what', 'evaluate', '--cron', '0 4 * * *', ...sets)
  await acted('tiny/sentinels')
  for (let i = 0; i < 120; i++) {
    const shown = await hillock.cli('release', 'show', 'tiny/published')
    if (shown.stdout.includes('evaluated sentinels-')) return
    await sleep(500)
  }
  throw new Error('the scores never came')
}, 120_000)

test('paused with a reason, resumed, deleted; what is wrong is refused', async () => {
  const paused = await schedule('pause', 'tiny/nightly', '--reason', 'rollback of r1')
  expect(paused).toMatchObject({ paused: true })
  expect(paused.note).toContain('rollback of r1')
  expect((await schedule('resume', 'tiny/nightly')).paused).toBe(false)
  await schedule('delete', 'tiny/nightly')
  expect((await hillock.cli('schedule', 'show', 'tiny/nightly')).stderr).toContain('no schedule tiny/nightly')
  expect((await hillock.cli('schedule', 'create', TINY, '--name', 'x')).stderr).toContain('say when')
}, 60_000)
