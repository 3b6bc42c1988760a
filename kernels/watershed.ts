// Supervoxels of one block: a seeded watershed of its affinities with a halo, cropped to the core.
import { components } from './components.ts'
import { flood } from './flood.ts'
import { joinFragments } from './fragments.ts'
import { markSeeds } from './seeds.ts'
import type { Box, Vec3 } from './types.ts'

export interface WatershedParams {
  /** A voxel whose mean affinity to its neighbours, as a probability, exceeds this lies inside a neurite. */
  readonly inside: number
  /** Fragments of fewer voxels join the neighbour of highest mean affinity. */
  readonly minSize: number
}

export const watershedDefaults: WatershedParams = Object.freeze({ inside: 0.5, minSize: 64 })

export interface WatershedRequest {
  /** uint8 affinities to the lower neighbour, channel slowest: z, y, x; 255 x probability. */
  readonly affinity: Uint8Array
  /** Shape of the block with its halo, and the block in it. */
  readonly shape: Vec3
  readonly core: Box
  readonly params: WatershedParams
}

export interface Supervoxels {
  /** Of the core, 1..count in raster order of their first voxels; no voxel is 0. */
  readonly labels: Uint32Array
  readonly count: number
  /** Voxels per label; sizes[0] = 0. */
  readonly sizes: Uint32Array
}

/** Mean of the up to six affinities between a voxel and its neighbours in the volume, rounded down. */
function meanAffinity(affinity: Uint8Array, [sx, sy, sz]: Vec3): Uint8Array {
  const plane = sx * sy
  const n = plane * sz
  const out = new Uint8Array(n)
  for (let z = 0, i = 0; z < sz; z++)
    for (let y = 0; y < sy; y++)
      for (let x = 0; x < sx; x++, i++) {
        let sum = 0
        let k = 0
        if (x > 0) {
          sum += affinity[2 * n + i]!
          k++
        }
        if (x < sx - 1) {
          sum += affinity[2 * n + i + 1]!
          k++
        }
        if (y > 0) {
          sum += affinity[n + i]!
          k++
        }
        if (y < sy - 1) {
          sum += affinity[n + i + sx]!
          k++
        }
        if (z > 0) {
          sum += affinity[i]!
          k++
        }
        if (z < sz - 1) {
          sum += affinity[i + plane]!
          k++
        }
        out[i] = k > 0 ? (sum / k) | 0 : 255
      }
  return out
}

/**
 * Floods mean affinity from the maxima of the smoothed distance to voxels that are not inside, crops the basins to the
 * core and splits them there into 6-connected components. A function of its arguments alone.
 * @throws RangeError if the affinities do not fit the shape or the core does not lie in it
 */
export function watershed({ affinity, shape, core, params }: WatershedRequest): Supervoxels {
  const [sx, sy, sz] = shape
  if (affinity.length !== 3 * sx * sy * sz)
    throw new RangeError(`${affinity.length} affinities for a volume of ${shape.join(' x ')} voxels and 3 channels`)
  for (let a = 0; a < 3; a++)
    if (core.min[a]! < 0 || core.max[a]! > shape[a]! || core.min[a]! >= core.max[a]!)
      throw new RangeError(
        `core ${core.min.join(',')} - ${core.max.join(',')} in a volume of ${shape.join(' x ')} voxels`,
      )
  const map = meanAffinity(affinity, shape)
  const inside = new Uint8Array(map.length)
  for (let i = 0; i < map.length; i++) if (map[i]! > 255 * params.inside) inside[i] = 1
  const { padded } = flood(map, markSeeds(inside, shape), shape)
  const size: Vec3 = [core.max[0] - core.min[0], core.max[1] - core.min[1], core.max[2] - core.min[2]]
  const cropped = crop(padded, [sx + 2, sy + 2, sz + 2], core.min, size)
  return joinFragments(components(cropped, size), affinity, shape, core, params.minSize)
}

/** Cuts `size` voxels at `min` out of a padded volume. */
function crop(padded: Uint32Array, [px, py]: Vec3, min: Vec3, [cx, cy, cz]: Vec3): Uint32Array {
  const out = new Uint32Array(cx * cy * cz)
  for (let z = 0, to = 0; z < cz; z++)
    for (let y = 0; y < cy; y++, to += cx) {
      const from = min[0] + 1 + px * (min[1] + 1 + y + py * (min[2] + 1 + z))
      out.set(padded.subarray(from, from + cx), to)
    }
  return out
}
