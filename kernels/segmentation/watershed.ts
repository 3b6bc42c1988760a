// Supervoxels of one block: a seeded watershed of its affinities with a halo, cropped to the core.
import { components } from './components.ts'
import type { Components } from './components.ts'
import { flood } from './flood.ts'
import { joinFragments } from './fragments.ts'
import { markSeeds } from './seeds.ts'
import { sizeOf } from '../types.ts'
import type { Box, Vec3 } from '../types.ts'

export interface WatershedRequest {
  /** uint8 affinities to the lower neighbour, channel slowest: z, y, x; 255 x probability. */
  readonly affinity: Uint8Array
  /** Shape of the block with its halo, and the block in it. */
  readonly shape: Vec3
  readonly core: Box
  /** Voxels of the core that show no tissue are not 0; null where all do. */
  readonly empty?: Uint8Array | null
  readonly params: {
    /** A voxel whose mean affinity to its neighbours, as a probability, exceeds this lies inside a neurite. */
    readonly inside: number
    /** Fragments of fewer voxels join the neighbour of highest mean affinity. */
    readonly minSize: number
  }
}

/** Mean of the up to six affinities between a voxel and its neighbours in the volume, rounded down. */
function meanAffinity(affinity: Uint8Array, [sx, sy, sz]: Vec3): Uint8Array {
  const n = sx * sy * sz
  const sum = new Uint16Array(n)
  const count = new Uint8Array(n)
  const add = (i: number, stride: number, value: number): void => {
    sum[i]! += value
    sum[i - stride]! += value
    count[i]!++
    count[i - stride]!++
  }
  for (let z = 0, i = 0; z < sz; z++)
    for (let y = 0; y < sy; y++)
      for (let x = 0; x < sx; x++, i++) {
        if (x > 0) add(i, 1, affinity[2 * n + i]!)
        if (y > 0) add(i, sx, affinity[n + i]!)
        if (z > 0) add(i, sx * sy, affinity[i]!)
      }
  for (let i = 0; i < n; i++) count[i] = count[i]! > 0 ? sum[i]! / count[i]! : 255
  return count
}

/**
 * Floods mean affinity from the maxima of the smoothed distance to voxels that are not inside, crops the basins to the
 * core and splits them there into 6-connected components: every voxel of the core but the empty ones has a label. A
 * function of its arguments alone.
 * @throws RangeError if the affinities do not fit the shape or the core does not lie in it
 */
export function watershed({ affinity, shape, core, empty, params }: WatershedRequest): Components {
  if (affinity.length !== 3 * shape[0] * shape[1] * shape[2])
    throw new RangeError(`${affinity.length} affinities for a volume of ${shape.join(' x ')} voxels and 3 channels`)
  for (let a = 0; a < 3; a++)
    if (core.min[a]! < 0 || core.max[a]! > shape[a]! || core.min[a]! >= core.max[a]!)
      throw new RangeError(
        `core ${core.min.join(',')} - ${core.max.join(',')} in a volume of ${shape.join(' x ')} voxels`,
      )
  const map = meanAffinity(affinity, shape)
  const inside = map.map(v => (v > 255 * params.inside ? 1 : 0))
  const basins = flood(map, markSeeds(inside, shape), shape, core)
  if (empty) for (let i = 0; i < basins.length; i++) if (empty[i] !== 0) basins[i] = 0
  return joinFragments(components(basins, sizeOf(core)), affinity, shape, core, params.minSize)
}
