// Regions with a margin of voxels from their neighbours, as the stages that must agree along faces read them.
import { intersect, map3, type Box } from '../domain/geometry.ts'

/** The box with `low` voxels more on its lower and `high` on its upper sides, where the dataset goes on. */
export const withMargins = (box: Box, low: number, high: number, bounds: Box): Box =>
  intersect({ min: map3(a => box.min[a] - low), max: map3(a => box.max[a] + high) }, bounds)

type Sides = readonly [0 | 1, 0 | 1, 0 | 1]
const sides = (reaches: (axis: 0 | 1 | 2) => boolean): Sides => map3(a => (reaches(a) ? 1 : 0)) as Sides

/** 1 on each axis where `outer` reaches below (above) `inner`. */
export const lowSides = (outer: Box, inner: Box): Sides => sides(a => outer.min[a] < inner.min[a])
export const highSides = (outer: Box, inner: Box): Sides => sides(a => outer.max[a] > inner.max[a])
