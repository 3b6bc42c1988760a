// The geometry that kernels share: vectors and half-open boxes in voxels, always in x, y, z order.

export type Vec3 = readonly [number, number, number]

/** Half-open box in voxels of the dataset: min <= v < max. */
export interface Box {
  readonly min: Vec3
  readonly max: Vec3
}

/** A vector of what is made for each axis. */
export const map3 = (make: (axis: 0 | 1 | 2) => number): Vec3 => [make(0), make(1), make(2)]

/** p + by d. */
export const move = (p: Vec3, d: Vec3, by: number): Vec3 => [p[0] + d[0] * by, p[1] + d[1] * by, p[2] + d[2] * by]
export const dot = (p: Vec3, q: Vec3): number => p[0] * q[0] + p[1] * q[1] + p[2] * q[2]

export const sizeOf = ({ min, max }: Box): Vec3 => map3(a => max[a] - min[a])

/** The offsets of the 26 neighbours of a voxel, in raster order. */
export const around: readonly Vec3[] = Array.from({ length: 27 }, (_, i): Vec3 => [
  (i % 3) - 1,
  (Math.floor(i / 3) % 3) - 1,
  Math.floor(i / 9) - 1,
]).filter(v => v.some(c => c !== 0))
