// What the benchmarks measure and print alike: memory, quantiles, tables for a terminal, whole numbers with separators.
import { readFileSync } from 'node:fs'
import Table from 'cli-table3'

/** Most memory that a process has had, in MiB (Linux). */
export const peakOf = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024

export const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))]!

/** Millions of things per second of CPU time, of all threads; the median of five after some to warm up, for kernels run in threads that live long. */
export async function cpuRate(count: number, f: () => unknown, warm = 5): Promise<number> {
  const seconds: number[] = []
  for (let i = 0; i < warm + 5; i++) {
    const before = process.cpuUsage()
    await f()
    const { user, system } = process.cpuUsage(before)
    seconds.push((user + system) / 1e6)
  }
  return count / quantile(seconds.slice(warm), 0.5) / 1e6
}

export const table = (head: string[], rows: (string | number)[][]): string => {
  const t = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, i) => (i ? 'right' : 'left')),
  })
  t.push(...rows)
  return t.toString()
}

/** Of rows that say themselves what stands under which heading. */
export const listing = (rows: readonly Readonly<Record<string, string | number>>[]): string =>
  table(Object.keys(rows[0]!), rows.map(Object.values))

export const n = (v: number): string => Math.round(v).toLocaleString('en')
