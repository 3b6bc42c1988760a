// Supervoxels of a release and the segments that they are part of, as its merge tables say; a release without them has segments alone.
import { runFileOf } from '../../client/catalogue.ts'
import {
  add,
  cellsIn,
  isEmpty,
  boxAt,
  intersect,
  key,
  map3,
  multiply,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import { blockOf } from '../../domain/ids.ts'
import type { Release } from '../../domain/release.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { decodeArrays } from '../../storage/formats/arrays.ts'
import { artifactOf, countOf } from '../../storage/release-index.ts'
import type { Serving } from '../api/index.ts'
import { nameOf } from '../api/route.ts'
import { cached } from '../turns.ts'
import { notFound, tooMuch } from '../problem.ts'

/** Regions whose tables are read for one question, and tables that are kept for the next. */
const MOST = 512
const KEPT = 8
const READS = 4

/** Of a region: the segment of every supervoxel. */
type MergeTable = Readonly<Record<'from' | 'to', BigUint64Array<ArrayBuffer>>>
const NONE: MergeTable = { from: new BigUint64Array(), to: new BigUint64Array() }

export function supervoxels({ catalogue, engine, known }: Serving) {
  const { artifacts } = catalogue
  const tableOf = cached(KEPT, async (name: string, release: Release) => {
    const ref = await artifactOf(artifacts.objects, release, 'merge-table', name.slice(name.lastIndexOf('/') + 1))
    return ref ? decodeArrays<MergeTable>(await artifacts.get(ref, 'table.bin')) : NONE
  })
  const blockShape = async (release: Release): Promise<Vec3 | undefined> =>
    countOf(release, 'merge-table') > 0 ? (await runFileOf(artifacts.objects, release))?.grid.block : undefined
  /** Of every region, one after the other where they are many. @throws Problem 422 */
  const eachTable = <R>(release: Release, regions: readonly string[], use: (table: MergeTable) => R) => {
    if (regions.length > MOST)
      throw tooMuch(
        `this reads the tables of ${regions.length} regions of ${nameOf(release)}, of ${MOST} at a time`,
        'ask about a smaller box (bounds), or fewer supervoxels at a time',
      )
    return mapBounded(regions, READS, async r => use(await tableOf(`${nameOf(release)}/${r}`, release)))
  }

  /** Those of some ids that are segments of a release. */
  const segmentsAmong = async (release: Release, ids: readonly bigint[]): Promise<ReadonlySet<bigint>> => {
    const from = { s: { table: 'segments', segments: ids } } as const
    const sql = `SELECT segment FROM s WHERE segment IN (${[0n, ...ids].join(', ')})`
    return new Set((await engine.rows({ release, from, sql })).rows.map(r => r['segment'] as bigint))
  }

  return {
    segmentsAmong,
    /** Segments of supervoxels, in their order; 0 of 0, which is background. @throws Problem 404 for one that the release lacks */
    async rootsOf(release: Release, ids: readonly bigint[]): Promise<bigint[]> {
      const block = await blockShape(release)
      const roots = new Map([[0n, 0n]])
      if (block) {
        const region = (id: bigint): string =>
          key(map3(a => Math.floor((blockOf(id)[a] * block[a]) / release.regionShape[a])))
        const wanted = new Set(ids)
        await eachTable(release, [...new Set(ids.map(region))], ({ from, to }) =>
          from.forEach((id, i) => wanted.has(id) && roots.set(id, to[i]!)),
        )
      } else for (const id of await segmentsAmong(release, ids)) roots.set(id, id)
      return ids.map(id => {
        const root = roots.get(id)
        if (root !== undefined) return root
        throw notFound(`release ${nameOf(release)} has no supervoxel ${id}`, 'ask for the leaves of a segment of it')
      })
    },
    /** Supervoxels of a segment in the order of their ids; in a box those whose block reaches into it. @throws Problem 404 where the release lacks it */
    async leavesOf(release: Release, root: bigint, box?: Box): Promise<bigint[]> {
      const row = (await known.rowOf(release, String(root))).rows[0]
      if (!row) await known.mustHave(release, String(root))
      const block = await blockShape(release)
      if (!block) return [root]
      const corner = (end: 'min' | 'max'): Vec3 => map3(a => Number(row![`${'xyz'[a]}_${end}`]))
      // The last voxel belongs to it.
      const own: Box = { min: corner('min'), max: add(corner('max'), [1, 1, 1]) }
      const within = box ? intersect(own, box) : own
      if (isEmpty(within)) return []
      const inBox = (id: bigint): boolean =>
        !box || !isEmpty(intersect(box, boxAt(multiply(blockOf(id), block), block)))
      const found = await eachTable(release, cellsIn(within, release.regionShape).map(key), ({ from, to }) =>
        [...from].filter((id, i) => to[i] === root && inBox(id)),
      )
      return found.flat().sort((a, b) => (a < b ? -1 : 1))
    },
  }
}
