// How a phase fans out: a tree of fan-outs over a grid of cells, each with at most 8^span cells or fan-outs below it.
import { cellsIn, map3, product, type Vec3 } from '../geometry.ts'
import type { Node } from './tree.ts'

/** Phases that go cell by cell; the others consist of one activity for the dataset. */
export interface Grid {
  /** Cells per axis. */
  readonly cells: Vec3
  /** Levels of the tree that one fan-out covers. */
  readonly span: number
}

/** Up to 64 regions per fan-out keep a run far below 3,000 events. */
const REGION_SPAN = 2
/** Batches of sections, and ranges of segments, lie in one row: up to 32 per fan-out. */
const SECTION_SPAN = 5

/** Sections per batch: one activity each for ingest, stitch and match. */
export const BATCH = 16

export const regionGrid = (bounds: { readonly max: Vec3 }, region: Vec3): Grid => ({
  cells: map3(a => Math.ceil(bounds.max[a] / region[a])),
  span: REGION_SPAN,
})
export const sectionGrid = (bounds: { readonly max: Vec3 }): Grid => ({
  cells: [1, 1, Math.ceil(bounds.max[2] / BATCH)],
  span: SECTION_SPAN,
})

/** Nodes of the region tree that one range reads, at most. */
const FRONTIER = 64

/** The lowest level with so few nodes: there ranges read what all regions have to say of their segments. 0: the regions themselves. */
export const frontierLevel = (bounds: { readonly max: Vec3 }, region: Vec3): number => {
  const { cells } = regionGrid(bounds, region)
  let level = 0
  while (product(map3(a => Math.ceil(cells[a] / 2 ** level))) > FRONTIER) level++
  return level
}

/** Regions whose segments, on the average, make up one range. */
const RANGE = 64

/** Into how many ranges all segments are shared out by the hash of their ids: a power of two. */
export const rangesOf = (bounds: { readonly max: Vec3 }, region: Vec3): number => {
  const regions = product(regionGrid(bounds, region).cells)
  return 2 ** Math.max(0, Math.ceil(Math.log2(regions / RANGE)))
}

export const rangeGrid = (of: number): Grid => ({ cells: [1, 1, of], span: SECTION_SPAN })

/** Name of a range in the index. */
export const rangeName = (range: number, of: number): string => (of === 1 ? 'all' : `0_0_${range}`)

/** Sections beyond a region that may fill its gaps, at most. */
export const FILL_REACH = 16

/** First and last section of a batch. */
export const batchRange = (coord: Vec3, bounds: { readonly max: Vec3 }): { first: number; last: number } => ({
  first: coord[2] * BATCH,
  last: Math.min(bounds.max[2], (coord[2] + 1) * BATCH) - 1,
})

/** The fan-out over everything. */
export const rootOf = ({ cells, span }: Grid): Node => ({
  level: span * Math.max(1, Math.ceil(Math.ceil(Math.log2(Math.max(...cells))) / span)),
  coord: [0, 0, 0],
})

/** Nodes of `level` below (or at) `node`, in raster order, as far as the grid reaches. */
export function nodesBelow({ cells }: Grid, node: Node, level: number): Node[] {
  const n = 2 ** (node.level - level)
  const size = 2 ** level
  const min = map3(a => node.coord[a] * n)
  const max = map3(a => Math.min(min[a] + n, Math.ceil(cells[a] / size)))
  return cellsIn({ min, max }, [1, 1, 1]).map(coord => ({ level, coord }))
}

export const childrenOf = (n: Node, region: Vec3, bounds: { readonly max: Vec3 }): Node[] =>
  nodesBelow(regionGrid(bounds, region), n, n.level - 1)

/** The up to 27 nodes of the level of `node` that touch it, itself included, in raster order. */
export function nodesAround({ cells }: Grid, { level, coord }: Node): Node[] {
  const min = map3(a => Math.max(0, coord[a] - 1))
  const max = map3(a => Math.min(Math.ceil(cells[a] / 2 ** level), coord[a] + 2))
  return cellsIn({ min, max }, [1, 1, 1]).map(c => ({ level, coord: c }))
}
