// The tables of a release: which objects hold them, and which of those can hold rows of the segment that is asked for.
import { rangeName } from '../../domain/index/grid.ts'
import type { Release } from '../../domain/release.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { rangeOfId, tableOf } from '../../storage/formats/precomputed/by-id.ts'
import { cellCount, cellsOf } from '../../storage/release-index.ts'
import { notFound } from '../problem.ts'
import type { TableFile } from './table-cache.ts'

/** Tables as queries name them. */
export const TABLES = ['segments', 'edges', 'synapses', 'contacts'] as const
export type TableName = (typeof TABLES)[number]

/** The same rows in another order, in ranges of the segment that they are sorted by. */
export type SortedTable = TableName | 'edges-by-post' | 'synapses-by-pre' | 'synapses-by-post'

/**
 * Objects of a table; where segments are named that it is sorted by, those alone that can hold rows of them.
 * @throws Problem 404 where the release has no such table
 */
export async function filesOf(
  artifacts: ArtifactStore,
  release: Release,
  table: SortedTable,
  segments?: readonly bigint[],
): Promise<TableFile[]> {
  const files: TableFile[] = []
  const of = cellCount(release, 'graph')
  const wanted = segments && new Set(segments.map(id => rangeName(rangeOfId(id, of), of)))
  for await (const [range, ref] of cellsOf(artifacts.objects, release, 'graph')) {
    if (wanted && !wanted.has(range)) continue
    const output = (await artifacts.open(ref)).outputs.find(o => tableOf(o.path) === table)
    if (output) files.push({ ...output, ref })
  }
  if (files.length > 0) return files
  // Releases of earlier versions have every table in one order.
  const plain = table.replace(/-by-.*/, '') as TableName
  if (plain !== table) return filesOf(artifacts, release, plain)
  throw notFound(
    `release ${release.dataset}/${release.release} has no table ${table}`,
    'the document of its tables lists those that it has; the stage graph makes them: add synapses to the run file, and run it again',
  )
}
