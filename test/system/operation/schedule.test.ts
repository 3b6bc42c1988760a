// Schedules on the real server: made, triggered, paused, planned, deleted; a run with nothing to do ends at once.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../../client/commands/run.ts'
import { connect } from '../../../client/connection.ts'
import type { Release } from '../../../domain/release.ts'
import { Hillock, TINY } from '../harness.ts'

const hillock = new Hillock()
let first: RunReport
beforeAll(async () => {
  first = await hillock.fromTiny()
  expect((await hillock.cli('up', '--detach')).code).toBe(0)
}, 300_000)
afterAll(() => hillock.close(), 60_000)

interface Shown {
  readonly schedule: string
  readonly paused: boolean
  readonly note: string
  readonly next: string[]
  readonly recent: { workflow: string }[]
  readonly changed: boolean
  readonly when: string
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
  const workflow = await acted('tiny/nightly')
  expect(workflow).toMatch(/^reprocess\/tiny\/nightly-/)
  const client = await connect(hillock.stack().temporal)
  const why = `${first.release} is what the run file gives`
  expect(await client.workflow.getHandle(workflow).result()).toMatchObject({ release: null, published: false, why })
  await client.connection.close()
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

test('sections that arrive are made at the next look; a look that fails pauses the schedule', async () => {
  const out = join(hillock.home, 'specimen')
  const size = ['--set', 'source.phantom.size=[128, 64, 32]']
  expect((await hillock.cli('phantom', TINY, '--out', out, ...size)).code).toBe(0)
  const layout = join(out, 'layout.json')
  const tiles = JSON.parse(readFileSync(layout, 'utf8')) as { section: number }[]
  const listed = (sections: number): void =>
    writeFileSync(layout, JSON.stringify(tiles.filter(t => t.section < sections)))
  const file = join(hillock.home, 'arrival.yaml')
  writeFileSync(
    file,
    `dataset: arrival\nvoxelSizeNm: [10, 10, 10]\nsource: { layout: ${layout} }\nthrough: render\ngrid: { block: [64, 64, 32], region: [64, 64, 64] }\n`,
  )
  const published = async (sections: number): Promise<void> => {
    for (let i = 0; i < 240; i++) {
      const shown = await hillock.cli('release', 'show', 'arrival/published', '--json')
      if (shown.code === 0 && (JSON.parse(shown.stdout) as Release).bounds.max[2] === sections) return
      await sleep(500)
    }
    throw new Error(`no release of ${sections} sections was ever published`)
  }
  listed(28)
  await schedule('create', file, '--name', 'tiles', '--on-arrival', '4s', '--pause-on-failure')
  await published(28)
  listed(32)
  await published(32)
  rmSync(layout)
  for (let i = 0; !(await schedule('show', 'arrival/tiles')).paused; i++) {
    expect(i, 'it never paused').toBeLessThan(120)
    await sleep(500)
  }
  expect((await schedule('show', 'arrival/tiles')).note).toMatch(/paused due to workflow failure/i)
}, 300_000)

test('a schedule keeps the run file of its day, says when that has changed, and takes the new one; zones and expressions are checked', async () => {
  const file = join(hillock.home, 'kept.yaml')
  writeFileSync(file, readFileSync(TINY))
  const made = await schedule('create', file, '--name', 'two words', '--cron', '0 3 * * *', '--time-zone', 'Asia/Tokyo')
  const name = made.schedule
  expect(name).toMatch(/^tiny\/two-words-/)
  expect(made.next[0]).toContain('T18:00:00')
  writeFileSync(file, readFileSync(TINY, 'utf8').replace('seed: 3', 'seed: 4'))
  expect(await schedule('show', 'tiny/two words')).toMatchObject({ changed: true })
  const again = await hillock.cli('schedule', 'create', file, '--name', 'two words', '--every', '6h')
  expect(again.stderr).toContain(`hillock schedule update ${name}`)
  const now = await schedule('update', name, '--every', '1h30m')
  expect(now).toMatchObject({ changed: false, when: 'every 1h30m' })
  expect(await schedule('show', name)).toMatchObject({ changed: false })
  for (const [when, why] of [
    [['--cron', 'garbage'], 'five fields'],
    [['--cron', '0 3 * * *', '--time-zone', 'Mars/Phobos'], 'no such zone'],
    [['--every', '0s'], 'less than'],
  ] as const)
    expect((await hillock.cli('schedule', 'create', file, '--name', 'x', ...when)).stderr).toContain(why)
  const never = await hillock.cli('schedule', 'update', name, '--cron', '0 0 31 2 *')
  expect(never.stderr).toContain('never comes')
  expect(await schedule('show', name)).toMatchObject({ when: 'every 1h30m', next: now.next })
}, 60_000)

test('paused with a reason, resumed, deleted; what is wrong is refused', async () => {
  const paused = await schedule('pause', 'tiny/nightly', '--reason', 'rollback of r1')
  expect(paused).toMatchObject({ paused: true })
  expect(paused.note).toContain('rollback of r1')
  expect((await schedule('resume', 'tiny/nightly')).paused).toBe(false)
  await schedule('delete', 'tiny/nightly')
  expect((await hillock.cli('schedule', 'show', 'tiny/nightly')).stderr).toContain('no schedule tiny/nightly')
  expect((await hillock.cli('schedule', 'create', TINY, '--name', 'x')).stderr).toContain('say when')
}, 60_000)
