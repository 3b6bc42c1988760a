// The geometry that kernels share: vectors and half-open boxes in voxels, always in x, y, z order.

export type Vec3 = readonly [number, number, number]

/** Half-open box in voxels of the dataset: min <= v < max. */
export interface Box {
  readonly min: Vec3
  readonly max: Vec3
}
