// Which process is ours: a number alone may have gone to somebody else, so it counts together with the moment of its birth, or a mark.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Environment variable of all that a stack starts; it names the home. */
export const MARK = 'HILLOCK_STACK_OF'
const PATIENCE_MS = 10_000

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** `state` as /proc has it: T is stopped. Undefined for a process that is gone or only waits to be collected. */
export function processOf(pid: number): { readonly born: string; readonly state: string } | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  const boot = read('/proc/sys/kernel/random/boot_id')?.trim()
  if (boot === undefined) {
    const born = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim()
    return born ? { born, state: 'S' } : undefined
  }
  const stat = read(`/proc/${pid}/stat`)
  // The name before it may hold anything.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (!fields || 'ZX'.includes(fields[0]!)) return undefined
  return { born: `${boot} ${fields[19]}`, state: fields[0]! }
}

/** When a process was born; undefined when there is none of that number. */
export const bornAt = (pid: number): string | undefined => processOf(pid)?.born

/** Processes with `mark`, NAME=VALUE, in the environment that they were started with, as far as the system shows it. */
function marked(mark: string): number[] {
  const pids = read('/proc/sys/kernel/random/boot_id') === undefined ? [] : readdirSync('/proc').map(Number)
  return pids.filter(
    pid => pid > 0 && pid !== process.pid && read(`/proc/${pid}/environ`)?.split('\0').includes(mark) && bornAt(pid),
  )
}

/** Ends all processes with that mark; returns how many. @throws Error when they do not end */
export async function endMarked(mark: string): Promise<number> {
  const all = new Set<number>()
  for (const until = Date.now() + PATIENCE_MS; ;) {
    const left = marked(mark)
    if (left.length === 0) return all.size
    if (Date.now() > until) throw new Error(`processes ${left.join(', ')} (${mark}) do not end; end them first`)
    for (const pid of left) {
      all.add(pid)
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has just ended.
      }
    }
    await sleep(50)
  }
}

/** Ends what a stack of `root` that is gone has left behind, as `endMarked`. Only for who holds the lock of that home. */
export const endStrays = (root: string): Promise<number> => endMarked(`${MARK}=${realpathSync(root)}`)
