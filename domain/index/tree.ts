// The region tree and the mip of each of its levels: leaves are regions, the root is the dataset.
import { cellBox, cellsIn, key, map3, multiply, type Box, type Vec3 } from '../geometry.ts'

export interface Node {
  /** 0 = region. */
  readonly level: number
  /** Grid coordinate at that level: covers children 2*coord .. 2*coord+1 on every axis of the level below. */
  readonly coord: Vec3
}

export const nodeKey = (n: Node): string => `${n.level}/${key(n.coord)}`

/** Number of cells of a grid of `cell`-shaped cells anchored at the origin that cover `bounds`. */
const gridShape = (bounds: Box, cell: Vec3): Vec3 => map3(a => Math.ceil(bounds.max[a] / cell[a]))

/** Shape in voxels of dataset space of a node of `level`. */
const nodeShape = (level: number, region: Vec3): Vec3 => map3(a => region[a] * 2 ** level)

export const nodeBox = (node: Node, region: Vec3, bounds: Box): Box =>
  cellBox(node.coord, nodeShape(node.level, region), bounds)

/** Level of the root: the first at which one node covers the grid. */
export const rootLevel = (bounds: Box, region: Vec3): number => {
  const n = Math.max(...gridShape(bounds, region))
  return Math.ceil(Math.log2(n))
}

/** Coordinates of all nodes of a level, in raster order. */
export const nodesAt = (level: number, region: Vec3, bounds: Box): Vec3[] => cellsIn(bounds, nodeShape(level, region))

export const parentOf = (n: Node): Node => ({ level: n.level + 1, coord: map3(a => n.coord[a] >> 1) })

/** Bit mask (-x, +x, -y, +y, -z, +z from bit 0) of the faces of a node beyond which the dataset goes on. */
export const openFaces = (n: Node, region: Vec3, bounds: Box): number => {
  const grid = gridShape(bounds, nodeShape(n.level, region))
  let mask = 0
  for (let a = 0; a < 3; a++) {
    if (n.coord[a]! > 0) mask |= 1 << (2 * a)
    if (n.coord[a]! < grid[a]! - 1) mask |= 2 << (2 * a)
  }
  return mask
}

/**
 * Cumulative downsampling factor of the mip that nodes of `level` own. An axis whose voxels are already twice as long as
 * the shortest is left alone, so that anisotropic sections become isotropic first.
 */
export function mipFactor(level: number, voxelSizeNm: readonly [number, number, number]): Vec3 {
  let factor: Vec3 = [1, 1, 1]
  for (let l = 0; l < level; l++) {
    const size = map3(a => voxelSizeNm[a] * factor[a])
    const least = Math.min(...size)
    factor = multiply(
      factor,
      map3(a => (size[a] < 2 * least ? 2 : 1)),
    )
  }
  return factor
}

/** Shape, in voxels of its own mip, of the box that a node of `level` owns. */
export const mipCell = (level: number, region: Vec3, factor: Vec3): Vec3 =>
  map3(a => (region[a] * 2 ** level) / factor[a])

/** Bounds of the dataset in voxels of a mip. */
export const mipBounds = (bounds: Box, factor: Vec3): Box => ({
  min: map3(a => Math.floor(bounds.min[a] / factor[a])),
  max: map3(a => Math.ceil(bounds.max[a] / factor[a])),
})
