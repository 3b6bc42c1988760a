// Supervoxels of one block: a seeded watershed of its affinities with a halo, cropped to the core.
import { concat } from '../arrays.ts'
import { components } from './components.ts'
import type { Components } from './components.ts'
import { flood } from './flood.ts'
import { floodAffinities } from './flood-affinities.ts'
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
    /** Every section by itself: where they are too far apart for fragments to go through. */
    readonly bySection?: boolean
    /** By what: the mean affinity of each voxel, or the affinity of each pair. */
    readonly flood?: 'mean' | 'affinity'
  }
}

/** Mean of the up to six affinities between a voxel and its neighbours in the volume, rounded down. */
function meanAffinity(affinity: Uint8Array, [sx, sy, sz]: Vec3): Uint8Array {
  const plane = sx * sy
  const n = plane * sz
  const mean = new Uint8Array(n)
  const [alongX, alongY] = [2 * n, n]
  for (let z = 0, i = 0; z < sz; z++)
    for (let y = 0; y < sy; y++) {
      const [below, above, before, behind] = [z > 0, z < sz - 1, y > 0, y < sy - 1]
      const across = Number(below) + Number(above) + Number(before) + Number(behind)
      for (let x = 0; x < sx; x++, i++) {
        let sum = 0
        let count = across
        if (below) sum += affinity[i]!
        if (above) sum += affinity[i + plane]!
        if (before) sum += affinity[alongY + i]!
        if (behind) sum += affinity[alongY + i + sx]!
        if (x > 0) {
          sum += affinity[alongX + i]!
          count++
        }
        if (x < sx - 1) {
          sum += affinity[alongX + i + 1]!
          count++
        }
        mean[i] = count > 0 ? sum / count : 255
      }
    }
  return mean
}

/**
 * Floods mean affinity, or each affinity, from the maxima of the smoothed distance to voxels that are not inside, crops the basins to the
 * core and splits them there into 6-connected components: every voxel of the core but the empty ones has a label. A
 * function of its arguments alone.
 * @throws RangeError if the affinities do not fit the shape or the core does not lie in it
 */
export function watershed(request: WatershedRequest): Components {
  const { affinity, shape, core, empty, params } = request
  if (affinity.length !== 3 * shape[0] * shape[1] * shape[2])
    throw new RangeError(`${affinity.length} affinities for a volume of ${shape.join(' x ')} voxels and 3 channels`)
  for (let a = 0; a < 3; a++)
    if (core.min[a]! < 0 || core.max[a]! > shape[a]! || core.min[a]! >= core.max[a]!)
      throw new RangeError(
        `core ${core.min.join(',')} - ${core.max.join(',')} in a volume of ${shape.join(' x ')} voxels`,
      )
  if (params.bySection && shape[2] > 1) return sectionBySection(request)
  const map = meanAffinity(affinity, shape)
  const inside = new Uint8Array(map.length)
  for (let i = 0; i < map.length; i++) if (map[i]! > 255 * params.inside) inside[i] = 1
  const seeds = markSeeds(inside, shape)
  const basins =
    params.flood === 'affinity'
      ? cropped(floodAffinities(affinity, seeds, shape), shape, core)
      : flood(map, seeds, shape, core)
  if (empty) for (let i = 0; i < basins.length; i++) if (empty[i] !== 0) basins[i] = 0
  return joinFragments(components(basins, sizeOf(core)), affinity, shape, core, params.minSize)
}

function cropped(labels: Uint32Array, [sx, sy]: Vec3, { min, max }: Box): Uint32Array {
  const rows: Uint32Array[] = []
  for (let z = min[2]; z < max[2]; z++)
    for (let y = min[1]; y < max[1]; y++)
      rows.push(labels.subarray(sx * (y + sy * z) + min[0], sx * (y + sy * z) + max[0]))
  return concat(rows)
}

function sectionBySection({ affinity, shape, core, empty, params }: WatershedRequest): Components {
  const [sx, sy, sz] = shape
  const [nx, ny, nz] = sizeOf(core)
  const labels = new Uint32Array(nx * ny * nz)
  const sizes: Uint32Array[] = [new Uint32Array(1)]
  let count = 0
  for (let z = 0; z < nz; z++) {
    const section = (array: Uint8Array, at: number, n: number): Uint8Array => array.subarray(at * n, (at + 1) * n)
    const channels = [0, 1, 2].map(c => section(affinity, c * sz + core.min[2] + z, sx * sy))
    const found = watershed({
      affinity: concat(channels),
      shape: [sx, sy, 1],
      core: { min: [core.min[0], core.min[1], 0], max: [core.max[0], core.max[1], 1] },
      empty: empty ? section(empty, z, nx * ny) : null,
      params,
    })
    labels.set(
      found.labels.map(l => (l === 0 ? 0 : l + count)),
      z * nx * ny,
    )
    sizes.push(found.sizes.subarray(1))
    count += found.count
  }
  return { labels, count, sizes: concat(sizes) }
}
