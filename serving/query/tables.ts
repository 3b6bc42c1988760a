// The tables of a release: which objects hold them, and which of those can hold rows of the segments or the box that is asked for.
import type { Box } from '../../domain/geometry.ts'
import { rangeName } from '../../domain/index/grid.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { Release } from '../../domain/release.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { rangesOfBox } from '../../storage/formats/annotations/synapse-ranges.ts'
import { rangeOfId, tableOf } from '../../storage/formats/precomputed/by-id.ts'
import { mapBounded } from '../../storage/bounded.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { artifactOf, cellCount, cellsOf } from '../../storage/release-index.ts'
import { notFound, tooMuch } from '../problem.ts'
import type { TableFile } from './table-cache.ts'

/** Tables as queries name them. */
export const TABLES = ['segments', 'edges', 'synapses', 'contacts'] as const
export type TableName = (typeof TABLES)[number]

/** The same rows in another order, in ranges of the segment that they are sorted by. */
export type SortedTable = TableName | 'edges-by-post' | 'synapses-by-pre' | 'synapses-by-post'

/** A table that a statement names, with what its rows are held to: segments that it is sorted by, or a box, of one that lies by place. */
export interface Use {
  readonly table: SortedTable
  readonly segments?: readonly bigint[]
  readonly box?: Box
}

/** Objects that a question may read whose segments are not named. */
const MOST = 4096
const READS = 32

/** Artifacts that hold a range of the tables each. @throws Problem 422 where they are too many */
async function rangesOf(objects: ObjectStore, release: Release, { table, segments, box }: Use): Promise<ArtifactRef[]> {
  const of = cellCount(release, 'graph')
  const { bounds, regionShape: region } = release
  const ranges = segments
    ? [...new Set(segments.map(id => rangeOfId(id, of)))]
    : box && rangesOfBox(box, { of, bounds, region })
  const count = ranges?.length ?? of
  if (count > MOST)
    throw tooMuch(
      `this reads ${count} of the ${of} objects in which the table ${table} of ${release.dataset}/${release.release} lies`,
      'name fewer segments, or a smaller box, or export the tables (`hillock export`) and query them where they are',
    )
  if (ranges) {
    const found = await mapBounded(ranges, READS, r => artifactOf(objects, release, 'graph', rangeName(r, of)))
    return found.filter(ref => ref !== undefined)
  }
  return Array.fromAsync(cellsOf(objects, release, 'graph'), ([, ref]) => ref)
}

/**
 * Objects of a table that can hold rows of what is asked for.
 * @throws Problem 404 where the release has no such table, 422 where it is too much to read
 */
export async function filesOf(artifacts: ArtifactStore, release: Release, use: Use): Promise<TableFile[]> {
  const { table } = use
  const refs = await rangesOf(artifacts.objects, release, use)
  const found = await mapBounded(refs, READS, async ref => {
    const output = (await artifacts.open(ref)).outputs.find(o => tableOf(o.path) === table)
    return output ? [{ ...output, ref }] : []
  })
  const files = found.flat()
  if (files.length > 0) return files
  throw notFound(
    `release ${release.dataset}/${release.release} has no table ${table}`,
    'the document of its tables lists those that it has; the stage graph makes them: add synapses to the run file, and run it again',
  )
}
