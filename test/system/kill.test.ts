// Killed processes: workers, the inference process and the Temporal server die in the middle of a run, and the release is the same.
import { afterAll, expect, test } from 'vitest'
import type { RunReport } from '../../client/commands/run.ts'
import { harm, Hillock, TINY } from './harness.ts'

/** HILLOCK_KILLS=10 for the long form. */
const KILLS = Number(process.env['HILLOCK_KILLS'] ?? 3)
const calm = new Hillock()
const shaken = new Hillock()
afterAll(() => Promise.all([calm.close(), shaken.close()]), 60_000)

test(`${KILLS} kills of workers and one of the server end in the same release`, async () => {
  const undisturbed = await calm.fromTiny()
  await shaken.cli('up', '--detach')
  const { done } = shaken.start('run', TINY, '--json')
  const killed = await harm(shaken, done, KILLS + 1, 1500)
  const { code, stdout, stderr } = await done
  expect(code, `killed ${killed.join(', ')}: ${stderr}`).toBe(0)
  const report = JSON.parse(stdout) as RunReport
  expect(killed.length).toBe(KILLS + 1)
  expect(killed).toContain('temporal')
  expect(report.digest).toBe(undisturbed.digest)
  expect(report.release).toBe(undisturbed.release)
}, 900_000)
