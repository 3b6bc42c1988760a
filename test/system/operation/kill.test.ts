// Killed processes: each of a stack, its keeper too, dies in the middle of a run; the release is the same, and nothing is left.
import { afterAll, expect, test } from 'vitest'
import type { RunReport } from '../../../client/commands/run.ts'
import { endMarked } from '../../../worker/identity.ts'
import { ALL, harm, Hillock, TINY } from '../harness.ts'

/** HILLOCK_KILLS=50 for the long form, in as many runs as it takes. */
const KILLS = Number(process.env['HILLOCK_KILLS'] ?? 4)
const LONGEST_S = 120
const all: Hillock[] = []
const fresh = (): Hillock => {
  const h = new Hillock()
  all.push(h)
  return h
}
afterAll(() => Promise.all(all.map(h => h.close())), 60_000)

test(
  `${KILLS} kills end in the same release, no command hangs, and no process is left`,
  async () => {
    const undisturbed = await fresh().fromTiny()
    const told: string[] = []
    for (let round = 1; told.length < KILLS; round++) {
      const shaken = fresh()
      await shaken.cli('up', '--detach')
      const { done } = shaken.start('run', TINY, '--json')
      let ended = false
      void done.then(() => (ended = true))
      const killing = harm(shaken, done, KILLS - told.length, 1500, ALL, round)
      let slowest = 0
      while (!ended) {
        const began = Date.now()
        await shaken.cli('status', '--json')
        slowest = Math.max(slowest, (Date.now() - began) / 1000)
        await Promise.race([done, killing])
      }
      const killed = await killing
      const { code, stdout, stderr } = await done
      const what = `killed ${killed.join(', ')}: ${stderr}`
      expect(code, what).toBe(0)
      const report = JSON.parse(stdout) as RunReport
      expect(report.digest, what).toBe(undisturbed.digest)
      expect(report.release).toBe(undisturbed.release)
      expect(report.holes).toEqual(undisturbed.holes)
      expect(slowest, what).toBeLessThan(LONGEST_S)
      expect((await shaken.cli('down')).code).toBe(0)
      expect(await endMarked(`HILLOCK_HOME=${shaken.home}`), what).toBe(0)
      expect(killed.length, 'a run that ends before anything is killed shows nothing').toBeGreaterThan(0)
      told.push(...killed)
      console.log(`run ${round}: ${report.seconds} s, slowest status ${slowest} s, killed ${killed.join(', ')}`)
    }
    expect(told).toContain('temporal')
    if (KILLS > ALL.length) expect(new Set(told)).toEqual(new Set(ALL))
  },
  600_000 + KILLS * 60_000,
)
