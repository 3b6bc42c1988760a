// Rows about segments (pieces, synapses, sizes) from all regions, shared out by the hash of the segments' ids: what regions hold, a range at a time.
import type { Refs } from '../../domain/contract/artifacts.ts'
import type { RangeTask } from '../../domain/contract/activities.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { mergeRows, rowsBetween, type HashedRows } from '../../kernels/hashed-rows.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { placeOfId, placesOfRange } from '../../storage/formats/precomputed/by-id.ts'
import type { Deps } from '../context.ts'
import { progress } from '../meter.ts'

type Reads = Pick<Deps, 'artifacts' | 'compute'>

/** What a region has to say of segments: rows in any order, from its artifact of each stage. */
export type RowsOf<R extends HashedRows> = (
  deps: Reads,
  of: Readonly<Record<string, ArtifactRef>>,
  cell: string,
) => Promise<R>

/** The column of places that goes with the ids of some rows. */
export const placesOf = (id: BigUint64Array): Uint32Array => Uint32Array.from(id, placeOfId)

/** Regions that are read at once. */
const WIDTH = 4

/** Rows of all regions, sorted. @param refs artifacts of the stages that they come from, by stage and region */
export async function rowsOfRegions<R extends HashedRows>(
  deps: Reads,
  refs: Readonly<Record<string, Refs>>,
  rowsOf: RowsOf<R>,
): Promise<R> {
  const cells = Object.keys(Object.values(refs)[0]!).sort()
  const tables = await mapBounded(cells, WIDTH, async (cell, i) => {
    const own = Object.fromEntries(Object.entries(refs).map(([stage, of]) => [stage, of[cell]!]))
    const rows = await rowsOf(deps, own, cell)
    progress(i, cells.length)
    return rows
  })
  return deps.compute(mergeRows<R>, [tables])
}

/** Those of one range. */
export const rowsOfRange = <R extends HashedRows>(rows: R, { range, of }: Pick<RangeTask, 'range' | 'of'>): R =>
  rowsBetween(rows, ...placesOfRange(range, of))
