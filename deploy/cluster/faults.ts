// What befalls the cluster while a run is under way, spread over it by how much of it is made, however fast the machine is.
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 500
/** The last of them still has some of the run before it. */
const UNTIL = 0.85

export type Fault = readonly [what: string, act: () => unknown]

/**
 * One after the other, as `made` comes to its share of `whole`.
 * @param ended whether the run is; what is left of them then did not happen, and is returned
 */
export async function spread(
  faults: readonly Fault[],
  whole: number,
  made: () => number,
  ended: () => boolean,
  say: (what: string) => void,
): Promise<readonly Fault[]> {
  for (const [i, [what, act]] of faults.entries()) {
    const due = Math.ceil((whole * UNTIL * (i + 0.5)) / faults.length)
    let now = 0
    while ((now = made()) < due) {
      if (ended()) return faults.slice(i)
      await sleep(LOOK_MS)
    }
    if (ended()) return faults.slice(i)
    say(`  ${now} of ${whole} artifacts: ${what}`)
    await act()
  }
  return []
}
