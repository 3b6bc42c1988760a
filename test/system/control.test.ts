// Pause, resume and the budget guard, worked as an operator would while a run goes on.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../client/commands/run.ts'
import type { Progress } from '../../domain/contract.ts'
import { Hillock } from './harness.ts'

const TINY = 'test/fixtures/tiny.yaml'
const hillock = new Hillock()
beforeAll(async () => {
  expect((await hillock.cli('up', '--detach')).code).toBe(0)
}, 120_000)
afterAll(() => hillock.close(), 60_000)

/** Of a whole run, on this machine as it is loaded now. */
let cost = 0

type Status = Progress & { status: string }
const status = (run: string): Promise<Status> => hillock.json<Status>('status', run)
async function until(run: string, what: (s: Status) => boolean): Promise<Status> {
  for (let i = 0; i < 400; i++) {
    const s = await status(run).catch(() => undefined)
    if (s?.stages && what(s)) return s
    await sleep(250)
  }
  throw new Error(`${run}: it never came to ${what.toString()}`)
}
const made = (s: Status, stage: string): number => s.stages.find(r => r.stage === stage)?.made ?? 0

test('a stage and a region are held back while the others go on; then all goes on', async () => {
  const { done } = hillock.start('run', TINY, '--json', '--name', 'held')
  await until('held', s => s.stages.length > 0)
  expect((await hillock.cli('pause', 'held', '--stage', 'affinity', '--reason', 'a look at the EM')).code).toBe(0)
  const held = await until('held', s => made(s, 'render') === 4 && s.phase === 'maps')
  expect(held.pauses).toMatchObject([{ stage: 'affinity', region: null, reason: 'a look at the EM' }])
  await sleep(3000)
  expect(made(await status('held'), 'affinity')).toBe(0)
  expect((await hillock.cli('status', 'held')).stdout).toContain('PAUSED: stage affinity')

  await hillock.cli('pause', 'held', '--region', '1_1_0', '--reason', 'one region')
  expect((await hillock.cli('resume', 'held', '--stage', 'affinity', '--reason', 'looks well')).code).toBe(0)
  await until('held', s => made(s, 'affinity') === 3)
  await sleep(2000)
  expect(made(await status('held'), 'affinity')).toBe(3)
  await hillock.cli('resume', 'held', '--region', '1_1_0', '--reason', 'done')

  const result = JSON.parse((await done).stdout) as RunReport
  expect(result.published).toBe(true)
  cost = result.cost
}, 300_000)

test('orders that make no sense are refused with the reason', async () => {
  const wrong = await hillock.cli('resume', 'held', '--stage', 'mesh', '--reason', 'x')
  expect(wrong.code).toBe(1)
  expect((await hillock.cli('pause', 'nobody', '--reason', 'x')).stderr).toContain('no run is called nobody')
}, 60_000)

test('a run pauses itself before it has spent its budget, and goes on with a higher one', async () => {
  const limit = cost * 0.8
  const sets = [`budget.cost=${limit}`, 'source.phantom.seed=8'].flatMap(v => ['--set', v])
  const { done } = hillock.start('run', TINY, '--json', '--name', 'poor', ...sets)
  const paused = await until('poor', p => p.pauses.length > 0)
  expect(paused.pauses[0]!.by).toBe('budget guard')
  expect(paused.pauses[0]!.reason).toContain('budget.cost')
  const total = (s: Status, what: 'made' | 'cost'): number => s.stages.reduce((n, r) => n + r[what], 0)
  let before = -1
  for (let now = 0; now !== before; now = total(await status('poor'), 'made')) {
    before = now
    await sleep(4000)
  }
  expect(total(await status('poor'), 'cost')).toBeLessThanOrEqual(limit)
  const low = await hillock.cli('resume', 'poor', '--reason', 'go on', '--budget', '0.00000001')
  expect(low.code).toBe(1)
  expect(low.stderr).toContain('give a higher one')
  expect((await hillock.cli('resume', 'poor', '--reason', 'granted', '--budget', '1')).code).toBe(0)
  expect((JSON.parse((await done).stdout) as RunReport).published).toBe(true)
}, 300_000)
