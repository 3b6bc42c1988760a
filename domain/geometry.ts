// Vectors, boxes and the global block grid: integer geometry in voxels, always in x, y, z order.
import { z } from 'zod'
import { about, int } from './values.ts'

export const Vec3 = z.tuple([int, int, int]).readonly()
export type Vec3 = z.infer<typeof Vec3>
export const Shape = z.tuple([int.positive(), int.positive(), int.positive()]).readonly()
/** Half-open box in voxels of the dataset: min <= v < max. */
export const Box = z
  .strictObject({
    min: Vec3.meta(about('Its first voxel.', [0, 0, 0])),
    max: Vec3.meta(about('The voxel behind its last one.', [64, 64, 32])),
  })
  .refine(b => b.min.every((v, a) => v < b.max[a]!), { message: 'a box needs min < max on every axis' })
export type Box = Readonly<z.infer<typeof Box>>

export const map3 = (f: (axis: 0 | 1 | 2) => number): Vec3 => [f(0), f(1), f(2)]

/** The double nearest to a length in metres: 9 nm is 9e-9, which 9 * 1e-9 is not. */
export const metres = (nm: number): number => nm / 1e9

export const shapeOf = (b: Box): Vec3 => map3(a => b.max[a] - b.min[a])
export const product = (v: Vec3): number => v[0] * v[1] * v[2]
export const voxels = (b: Box): number => product(shapeOf(b))
export const isEmpty = (b: Box): boolean => b.min.some((v, a) => v >= b.max[a]!)
export const add = (a: Vec3, b: Vec3): Vec3 => map3(i => a[i] + b[i])
export const subtract = (a: Vec3, b: Vec3): Vec3 => map3(i => a[i] - b[i])
export const multiply = (a: Vec3, b: Vec3): Vec3 => map3(i => a[i] * b[i])
export const boxAt = (min: Vec3, shape: Vec3): Box => ({ min, max: add(min, shape) })
export const intersect = (a: Box, b: Box): Box => ({
  min: map3(i => Math.max(a.min[i], b.min[i])),
  max: map3(i => Math.min(a.max[i], b.max[i])),
})
export const contains = (outer: Box, inner: Box): boolean =>
  outer.min.every((v, a) => v <= inner.min[a]!) && outer.max.every((v, a) => v >= inner.max[a]!)
export const translate = (b: Box, by: Vec3): Box => ({ min: add(b.min, by), max: add(b.max, by) })

/** The box grown by `halo` voxels on every side and clipped to `bounds`. */
export const grow = (b: Box, halo: Vec3, bounds: Box): Box =>
  intersect({ min: subtract(b.min, halo), max: add(b.max, halo) }, bounds)

/** Box of the grid cell `coord` of a grid of `cell`-shaped cells anchored at the origin, clipped to `bounds`. */
export const cellBox = (coord: Vec3, cell: Vec3, bounds: Box): Box =>
  intersect(boxAt(multiply(coord, cell), cell), bounds)

/** Coordinates, in raster order (x fastest), of the grid cells that touch `box`. */
export function cellsIn(box: Box, cell: Vec3): Vec3[] {
  if (isEmpty(box)) return []
  const lo = map3(a => Math.floor(box.min[a] / cell[a]))
  const hi = map3(a => Math.ceil(box.max[a] / cell[a]))
  const out: Vec3[] = []
  for (let z = lo[2]; z < hi[2]; z++)
    for (let y = lo[1]; y < hi[1]; y++) for (let x = lo[0]; x < hi[0]; x++) out.push([x, y, z])
  return out
}

/** `x_y_z`: how a grid coordinate is written in workflow ids, paths and messages. */
export const key = (v: Vec3): string => v.join('_')
export const fromKey = (k: string): Vec3 => Vec3.parse(k.split('_').map(Number))

/** `x0-x1_y0-y1_z0-z1`: how a box is written in chunk names and messages (the form of Neuroglancer precomputed). */
export const boxName = (b: Box): string => `${b.min[0]}-${b.max[0]}_${b.min[1]}-${b.max[1]}_${b.min[2]}-${b.max[2]}`
