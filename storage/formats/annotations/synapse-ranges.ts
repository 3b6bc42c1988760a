// The same collection of synapses written in ranges, none of which sees all of them: what has an id by its hash, the spatial index by place.
import { boxAt, cellsIn, grow, intersect, key, map3, product, type Box, type Vec3 } from '../../../domain/geometry.ts'
import type { Node } from '../../../domain/index/tree.ts'
import { shardingById } from '../precomputed/by-id.ts'
import { mortonAxes, mortonCode } from '../precomputed/morton.ts'
import { ShardingSpec } from '../precomputed/sharding.ts'
import { annotationsOf, collectionInfo, placed, writeById, writeIndex } from './collection.ts'
import type { CollectionFile, SynapseLine } from './collection.ts'
import { encodeList, type Annotation } from './records.ts'
import { draw, fair, touches } from './spatial.ts'

export interface Ranged {
  readonly range: number
  readonly of: number
  readonly bounds: Box
  readonly region: Vec3
}

/** Regions along each axis of a cell of the coarsest level: there are about as many such cells as ranges. */
const SIDE = 4
/** Annotations that a cell is to show at one level, and how many there are in a cubic micrometre at the most. */
const CELL_LIMIT = 1000
const PER_CUBIC_UM = 10

type Grid = Pick<Ranged, 'of' | 'bounds' | 'region'>

const coarsest = ({ bounds, region }: Grid): Vec3 => map3(a => Math.ceil(bounds.max[a] / (SIDE * region[a])))
const rangeOfCell = (cell: Vec3, grid: Grid): number =>
  Number(mortonCode(mortonAxes(coarsest(grid)), cell) % BigInt(grid.of))

/** The range that writes what is found by place in a region: that of its cell of the coarsest level. */
export const rangeOfRegion = (region: Vec3, grid: Grid): number =>
  grid.of === 1
    ? 0
    : rangeOfCell(
        map3(a => Math.floor(region[a] / SIDE)),
        grid,
      )

/** The ranges whose synapses by place can lie in a box; for one outside of the dataset any, which has none. */
export function rangesOfBox(box: Box, grid: Grid): number[] {
  const side = map3(a => SIDE * grid.region[a])
  const cells = cellsIn(intersect(box, grid.bounds), side)
  return [...new Set(grid.of === 1 || cells.length === 0 ? [0] : cells.map(cell => rangeOfCell(cell, grid)))]
}

/** The regions (nodes of level 0) whose synapses may lie in what a range writes by place: those of its cells, and those around. */
export function regionsNear({ range, ...grid }: Ranged): Node[] {
  const found = new Map<string, Node>()
  const regions = map3(a => Math.ceil(grid.bounds.max[a] / grid.region[a]))
  for (const cell of cellsIn({ min: [0, 0, 0], max: coarsest(grid) }, [1, 1, 1])) {
    if (rangeOfCell(cell, grid) !== range) continue
    const own = boxAt(
      map3(a => SIDE * cell[a]),
      [SIDE, SIDE, SIDE],
    )
    const all = { min: [0, 0, 0] as Vec3, max: regions }
    for (const region of cellsIn(grow(own, [1, 1, 1], all), [1, 1, 1]))
      found.set(key(region), { level: 0, coord: region })
  }
  return [...found.values()]
}

/** Cells of every level, which follow from the dataset alone, with the share of what the coarser ones leave that a level takes. */
function levelsOf({ region }: Grid, nm: Vec3): { readonly chunk: Vec3; readonly share: number }[] {
  const levels = []
  for (let chunk = map3(a => SIDE * region[a]); ; chunk = map3(a => chunk[a] / 2)) {
    const most = (product(map3(a => chunk[a] * nm[a])) / 1e9) * PER_CUBIC_UM
    levels.push({ chunk, share: Math.min(1, CELL_LIMIT / most) })
    if (most <= CELL_LIMIT) return levels
  }
}

/** The cells that a line touches. */
function* cellsAt({ geometry: g }: Annotation, chunk: Vec3, grid: Vec3): Generator<Vec3> {
  const first = map3(a => Math.max(0, Math.floor(Math.min(g[a]!, g[a + 3]!) / chunk[a])))
  const last = map3(a => Math.min(grid[a] - 1, Math.floor(Math.max(g[a]!, g[a + 3]!) / chunk[a])))
  for (const cell of cellsIn({ min: first, max: map3(a => last[a] + 1) }, [1, 1, 1]))
    if (touches(g, cell, chunk, [0, 0, 0])) yield cell
}

/**
 * The files of one of several ranges; `info` is with the first. The files of all ranges are the collection.
 * @param synapses those that the range owns by each of their keys; and, of the regions near it, all
 */
export function* synapseRangeFiles(
  where: Ranged,
  voxelSizeNm: Vec3,
  synapses: Readonly<Record<'id' | 'pre' | 'post' | 'near', readonly SynapseLine[]>>,
  offset: Vec3 = [0, 0, 0],
): Generator<CollectionFile> {
  const { range, of, bounds } = where
  const near = annotationsOf(synapses.near)
  const place = placed(offset)
  const byId = yield* writeById(synapses, place, (_, coding) => shardingById(0, 0, 1, coding, of))

  const levels = levelsOf(where, voxelSizeNm)
  const top = coarsest(where)
  const spatial = []
  for (const [l, { chunk }] of levels.entries()) {
    const grid = map3(a => top[a] * 2 ** l)
    const axes = mortonAxes(grid)
    const cells = new Map<bigint, Annotation[]>()
    for (const a of near) {
      if (levels.findIndex((level, i) => level.share === 1 || draw(a.id, i) < level.share) !== l) continue
      for (const cell of cellsAt(a, chunk, grid)) {
        if (
          rangeOfCell(
            map3(i => cell[i] >> l),
            where,
          ) !== range
        )
          continue
        const code = mortonCode(axes, cell)
        const list = cells.get(code)
        if (list) list.push(a)
        else cells.set(code, [a])
      }
    }
    // A shard is what lies in one cell of the coarsest level: the code of that is what the code of a cell begins with.
    const minishards = Math.min(8, 3 * l)
    const sharding = ShardingSpec.parse({
      '@type': 'neuroglancer_uint64_sharded_v1',
      preshift_bits: 3 * l - minishards,
      hash: 'identity',
      minishard_bits: minishards,
      shard_bits: mortonAxes(top).length,
      minishard_index_encoding: 'gzip',
      data_encoding: 'gzip',
    })
    const entries = [...cells].map(([id, list]) => ({ id, bytes: encodeList(fair(list, l).map(place)) }))
    spatial.push({
      ...(yield* writeIndex(`spatial${l}`, sharding, entries)),
      grid_shape: grid,
      chunk_size: chunk,
      limit: CELL_LIMIT,
    })
  }
  if (range === 0) yield collectionInfo(bounds, voxelSizeNm, offset, { ...byId, spatial })
}
