// The spatial index of line annotations: from coarse to fine, each level a sample of what the coarser ones have left.
//
// Source: google/neuroglancer src/datasource/precomputed/annotation.rst, "spatial index".
import { boxAt, cellsIn, map3, multiply, shapeOf, type Box, type Vec3 } from '../../../domain/geometry.ts'
import { murmur64 } from '../precomputed/sharding.ts'
import type { Annotation } from './records.ts'

export interface SpatialLevel {
  readonly gridShape: Vec3
  /** In the units of the annotations. */
  readonly chunkSize: Vec3
  readonly limit: number
  /** What is drawn of each cell at this level, by its coordinate; cells without any are left out. */
  readonly cells: readonly { readonly cell: Vec3; readonly list: readonly Annotation[] }[]
}

/** Cells no longer than this many units along their longest side are not divided: they hold whatever is left. */
const FINEST = 4

/** A number in 0..1 that belongs to an annotation at a level: which of them a level takes is the same on every run. */
export const draw = (id: bigint, level: number): number =>
  Number(murmur64(id ^ (BigInt(level + 1) << 56n)) >> 11n) / 2 ** 53

/** In the order of `draw`, so that any first part is a fair sample. */
export function fair(list: readonly Annotation[], level: number): Annotation[] {
  const drawn = new Map(list.map(a => [a, draw(a.id, level)]))
  return list.toSorted((a, b) => drawn.get(a)! - drawn.get(b)! || (a.id < b.id ? -1 : 1))
}

/**
 * Every annotation is in exactly one level, there in every cell that its line touches; a level takes so many that its
 * fullest cell has about `limit`. Lists are `fair`.
 * @param nm size of a unit along each axis: cells are divided where they are longest
 */
export function spatialLevels(
  bounds: Box,
  nm: Vec3,
  annotations: readonly Annotation[],
  limit: number,
): SpatialLevel[] {
  const extent = shapeOf(bounds)
  const levels: SpatialLevel[] = []
  let gridShape: Vec3 = [1, 1, 1]
  let left = [{ cell: [0, 0, 0] as Vec3, list: annotations }]
  for (let level = 0; ; level++) {
    const chunkSize = map3(a => extent[a] / gridShape[a])
    const longest = Math.max(...chunkSize.map((c, a) => c * nm[a]!))
    const most = left.reduce((n, { list }) => Math.max(n, list.length), 0)
    const last = most <= limit || Math.max(...chunkSize) <= FINEST
    const share = last ? 1 : limit / most
    const taken = (a: Annotation): boolean => last || draw(a.id, level) < share
    const cells = left.flatMap(({ cell, list }) => {
      const own = list.filter(taken)
      return own.length ? [{ cell, list: fair(own, level) }] : []
    })
    levels.push({ gridShape, chunkSize, limit: last ? Math.max(1, most) : limit, cells })
    if (last) return levels
    // An axis is divided where the cell is about as long as it is at all.
    const split = map3(a => (chunkSize[a] * nm[a] > longest / Math.SQRT2 ? 2 : 1))
    gridShape = map3(a => gridShape[a] * split[a])
    const finer = map3(a => extent[a] / gridShape[a])
    left = left.flatMap(({ cell, list }) => {
      const rest = list.filter(a => !taken(a))
      return cellsIn(boxAt(multiply(cell, split), split), [1, 1, 1]).map(child => ({
        cell: child,
        list: rest.filter(a => touches(a.geometry, child, finer, bounds.min)),
      }))
    })
    left = left.filter(c => c.list.length > 0)
  }
}

/** Whether a line from `g[0..3)` to `g[3..6)` has a point in a cell, its borders included. */
export function touches(g: readonly number[], cell: Vec3, size: Vec3, origin: Vec3): boolean {
  let [from, to] = [0, 1]
  for (const a of [0, 1, 2] as const) {
    const low = origin[a] + cell[a] * size[a]
    const high = origin[a] + (cell[a] + 1) * size[a]
    const [p, q] = [g[a]!, g[a + 3]!]
    if (p === q) {
      if (p < low || p > high) return false
      continue
    }
    const [s, t] = [(low - p) / (q - p), (high - p) / (q - p)]
    from = Math.max(from, Math.min(s, t))
    to = Math.min(to, Math.max(s, t))
  }
  return from <= to
}
