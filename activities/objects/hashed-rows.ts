// Rows about segments (pieces, synapses, sizes) that come from all regions and are read a range of segments at a time: merged up the region tree into directories, sorted by the hash that shares segments out.
//
// A stage with `directory: true` in its row, whose inputs are stages of regions with `<` and itself with `<`, is made by `directoryOf`
// with a function that gives the rows of one region. A stage of ranges that names it and the same stages of regions among its inputs
// reads it by `atFrontier` (what its recipe names) and `rowsOf` (of the range, a bounded part of at most 64 directories).
import type { Outcome, Refs } from '../../domain/contract/artifacts.ts'
import type { CellTask, RangeTask } from '../../domain/contract/activities.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { StageName } from '../../domain/stages.ts'
import { mergeRows, rowsBetween, type HashedRows } from '../../kernels/hashed-rows.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { decodeArrays, encodeArrays, type NamedArray } from '../../storage/formats/arrays.ts'
import { placeOfId, placesOfRange } from '../../storage/formats/precomputed/by-id.ts'
import type { Deps } from '../context.ts'
import { configOf } from '../documents.ts'
import { progress } from '../meter.ts'
import { contents, ofNode, produce, type Made, type Put } from '../produce.ts'

type Reads = Pick<Deps, 'artifacts' | 'compute'>

/** What a region has to say of segments: rows in any order, from its artifact of each stage, and the bytes that they stand for. */
export type RegionRows<R extends HashedRows> = (
  deps: Reads,
  of: Readonly<Record<string, ArtifactRef>>,
  cell: string,
) => Promise<{ readonly rows: R; readonly bytes: number }>

/** The column of places that goes with the ids of some rows. */
export const placesOf = (id: BigUint64Array): Uint32Array => Uint32Array.from(id, placeOfId)

/** Artifacts by stage, then by region or by node of the tree. */
type Found = Readonly<Record<string, Refs>>

/** Inputs of a recipe. */
export const inputsOf = (found: Found): Record<string, ArtifactRef> =>
  Object.assign({}, ...Object.entries(found).map(([stage, refs]) => contents(stage, refs))) as Record<
    string,
    ArtifactRef
  >

/** Places are below this. */
const END = 2 ** 32
/** About so much of a directory is one object, which is read as a whole. */
const PART_BYTES = 2 ** 20
/** Regions, or directories, that are read at once. */
const WIDTH = 8

/** Sorted rows in parts, a power of two, each with an equal share of the places. */
interface Source<R> {
  readonly parts: number
  readonly part: (i: number) => Promise<R>
  /** Of the rows themselves. */
  readonly size: number
  /** That they stand for. */
  readonly bytes: number
}

async function sources<R extends HashedRows>(
  deps: Reads,
  directory: StageName,
  { [directory]: merged = {}, ...found }: Found,
  regionRows: RegionRows<R>,
): Promise<Source<R>[]> {
  if (Object.keys(merged).length > 0)
    return mapBounded(Object.values(merged), WIDTH, async ref => {
      const reader = await deps.artifacts.open(ref)
      // A part may be wider than what is made of it: those that read in order read it once.
      let last: { i: number; rows: Promise<R> } | undefined
      const part = (i: number): Promise<R> => {
        if (last?.i !== i)
          last = { i, rows: reader.get(`${i}.rows`).then(bytes => decodeArrays(bytes) as unknown as R) }
        return last.rows
      }
      const { bytes, summary } = reader.lineage
      return { parts: reader.outputs.length, part, size: bytes, bytes: summary['bytes'] as number }
    })
  const cells = Object.keys(Object.values(found)[0]!).sort()
  return mapBounded(cells, WIDTH / 2, async (cell, i) => {
    const own = Object.entries(found).map(([stage, refs]) => [stage, refs[cell]!])
    const { rows, bytes } = await regionRows(deps, Object.fromEntries(own) as Record<string, ArtifactRef>, cell)
    const sorted = (await deps.compute(mergeRows<R>, [[rows]])) as R
    progress(i, cells.length)
    const size = Object.values(sorted).reduce((n, column) => n + column.byteLength, 0)
    return { parts: 1, part: async () => sorted, size, bytes }
  })
}

const sum = (of: readonly Source<unknown>[], what: 'size' | 'bytes'): number => of.reduce((n, s) => n + s[what], 0)

/** Rows of all sources in some places. */
async function between<R extends HashedRows>(
  deps: Reads,
  of: readonly Source<R>[],
  from: number,
  to: number,
): Promise<R> {
  const cut = await mapBounded(of, WIDTH, async ({ parts, part }) => {
    const share = END / parts
    const rows: R[] = []
    for (let i = Math.floor(from / share); i * share < to; i++) rows.push(rowsBetween(await part(i), from, to))
    return rows
  })
  return deps.compute(mergeRows<R>, [cut.flat()])
}

/** Writes what some regions or directories have to say as one directory: `0.rows` and so on, each with an equal share of the places. */
export async function mergeDirectories<R extends HashedRows>(
  deps: Reads,
  directory: StageName,
  found: Found,
  regionRows: RegionRows<R>,
  put: Put,
  partBytes = PART_BYTES,
): Promise<Made> {
  const below = await sources(deps, directory, found, regionRows)
  const parts = 2 ** Math.ceil(Math.log2(Math.max(1, sum(below, 'size') / partBytes)))
  let rows = 0
  for (let i = 0; i < parts; i++) {
    const made = await between(deps, below, (i * END) / parts, ((i + 1) * END) / parts)
    rows += made.id.length
    await put(`${i}.rows`, encodeArrays({ ...made } as Record<string, NamedArray>))
    progress(i, parts)
  }
  return { voxels: 0, summary: { rows, bytes: sum(below, 'bytes') } }
}

/** The activity of a directory. */
export const directoryOf =
  <R extends HashedRows>(stage: StageName, regionRows: RegionRows<R>) =>
  async (deps: Deps, task: CellTask): Promise<Outcome> => {
    const config = await configOf(deps, task.context.config)
    const order = ofNode(stage, task, {}, inputsOf(task.refs))
    return produce(deps, config, order, put => mergeDirectories(deps, stage, task.refs, regionRows, put))
  }

/** What all regions have to say of the segments of one range, and the bytes that all rows of all ranges stand for. */
export async function rowsOf<R extends HashedRows>(
  deps: Reads,
  directory: StageName,
  found: Found,
  regionRows: RegionRows<R>,
  { range, of }: Pick<RangeTask, 'range' | 'of'>,
): Promise<{ readonly rows: R; readonly bytes: number }> {
  const all = await sources(deps, directory, found, regionRows)
  return { rows: await between(deps, all, ...placesOfRange(range, of)), bytes: sum(all, 'bytes') }
}
