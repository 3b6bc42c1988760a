// Killed processes: workers, the inference process and the Temporal server die in the middle of a run, and the release is the same.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import type { RunReport } from '../../client/commands/run.ts'
import { Hillock } from './harness.ts'

const TINY = 'test/fixtures/tiny.yaml'
/** HILLOCK_KILLS=10 for the long form. */
const KILLS = Number(process.env['HILLOCK_KILLS'] ?? 3)
const SEED = Number(process.env['HILLOCK_KILL_SEED'] ?? 1)
const calm = new Hillock()
const shaken = new Hillock()
afterAll(() => Promise.all([calm.close(), shaken.close()]), 60_000)

/** Park and Miller's generator: the same seed, the same moments and victims. */
function dice(seed: number): () => number {
  let s = seed
  return () => (s = (s * 48271) % 2147483647) / 2147483647
}

test(`${KILLS} kills of workers and one of the server end in the same release`, async () => {
  const undisturbed = await calm.run(TINY)
  await shaken.cli('up', '--detach')
  const { done } = shaken.start('run', TINY, '--json')
  const random = dice(SEED)
  const killed: string[] = []
  let ended = false
  void done.then(() => (ended = true))
  while (!ended && killed.length < KILLS + 1) {
    await sleep(1500 + 3000 * random())
    const victims = killed.length === 1 ? ['temporal'] : ['cpu', 'inference', 'onnx', 'workflow']
    const alive = victims.filter(v => shaken.stack().children[v] !== undefined)
    const name = alive[Math.floor(random() * alive.length)]!
    if (ended) break
    try {
      process.kill(shaken.stack().children[name]!, 'SIGKILL')
      killed.push(name)
    } catch {
      // It had died with an earlier victim and is being started again.
    }
  }
  const { code, stdout, stderr } = await done
  expect(code, `killed ${killed.join(', ')}: ${stderr}`).toBe(0)
  const report = JSON.parse(stdout) as RunReport
  expect(killed.length).toBe(KILLS + 1)
  expect(killed).toContain('temporal')
  expect(report.digest).toBe(undisturbed.digest)
  expect(report.release).toBe(undisturbed.release)
}, 900_000)
