// What the benchmarks print: tables for a terminal, and whole numbers with separators.
import Table from 'cli-table3'

export const table = (head: string[], rows: (string | number)[][]): string => {
  const t = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, i) => (i ? 'right' : 'left')),
  })
  t.push(...rows)
  return t.toString()
}

export const n = (v: number): string => Math.round(v).toLocaleString('en')
