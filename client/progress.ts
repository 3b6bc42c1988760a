// One line on a terminal that says how far work on many objects is, and when it will be done.
import { clock } from './report.ts'

const EVERY_MS = 200

export function ticker() {
  const started = Date.now()
  let last = 0
  return {
    tick: (done: number, total: number, bytes: number): void => {
      const now = Date.now()
      if (!process.stderr.isTTY || now - last < EVERY_MS) return
      last = now
      const left = done < total ? `, ~ ${clock(((now - started) / 1000) * (total / done - 1))} left` : ''
      process.stderr.write(
        `\r\u001b[2K${done} of ${Math.max(done, total)} objects, ${(bytes / 1e6).toFixed(1)} MB${left}`,
      )
    },
    /** Takes the line away. */
    end: (): void => void (last > 0 && process.stderr.write('\r\u001b[2K')),
  }
}
