// Which columns a table of a release has (releases of earlier versions have fewer), and what an id in them is.
import type { Release } from '../../domain/release.ts'
import { cached } from '../turns.ts'
import type { Engine } from './engine.ts'
import type { SortedTable } from './tables.ts'

const KEPT = 256

/** Whether a text is an id as columns hold them: uint64. */
export const isId = (text: string): boolean => /^\d{1,20}$/.test(text) && BigInt(text) < 1n << 64n

/** By a file of one range of the table, where it has several: all have the same columns. */
export function columnReader(engine: Engine): (release: Release, table: SortedTable) => Promise<readonly string[]> {
  const read = cached(KEPT, async (_: string, release: Release, table: SortedTable) => {
    // Of those in the order of their places no file is small; the same rows lie by segment.
    const sorted = table === 'synapses' ? 'synapses-by-pre' : table
    const from = { t: { table: sorted, segments: [1n] } }
    return (await engine.rows({ release, from, sql: 'SELECT * FROM t LIMIT 0' })).columns.map(c => c.name)
  })
  return (release, table) => read(`${release.dataset}/${release.release}/${table}`, release, table)
}
