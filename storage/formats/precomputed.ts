// The info file of a Neuroglancer precomputed volume, and the names of its chunks.
//
// Source: google/neuroglancer src/datasource/precomputed/volume.rst.
import type { Json } from '../../domain/canonical.ts'
import { map3, multiply, shapeOf, type Box, type Vec3 } from '../../domain/geometry.ts'
import { mipBounds } from '../../domain/tree.ts'
import type { DataType, Encoding } from './chunk.ts'
import { BLOCK_SHAPE } from './compressed-segmentation.ts'
import { CHUNK } from './volume.ts'

export interface VolumeInfo {
  readonly type: 'image' | 'segmentation'
  readonly dataType: DataType
  readonly channels: number
  readonly encoding: Encoding
  readonly voxelSizeNm: readonly [number, number, number]
  /** Bounds of the dataset in voxels of mip 0. */
  readonly bounds: Box
  /** Cumulative downsampling of every mip; the first is 1, 1, 1. */
  readonly factors: readonly Vec3[]
  readonly chunk?: Vec3
  /** Paths beside the info file. */
  readonly mesh?: string
  readonly skeletons?: string
  readonly segmentProperties?: string
}

/**
 * The info file as JSON. A scale's key is its mip number, as in the chunk paths of artifacts.
 * @throws RangeError when the bounds do not start on the chunk grid: precomputed counts chunks from the bounds, Hillock from the origin.
 */
export function volumeInfo(v: VolumeInfo): Json {
  const chunk = v.chunk ?? CHUNK
  const scales = v.factors.map((factor, mip) => {
    const bounds = mipBounds(v.bounds, factor)
    if (bounds.min.some((m, a) => m % chunk[a]! !== 0))
      throw new RangeError(`bounds of mip ${mip} start at ${bounds.min.join()}, off the grid of chunks`)
    return {
      key: String(mip),
      size: shapeOf(bounds),
      voxel_offset: bounds.min,
      resolution: map3(a => v.voxelSizeNm[a] * factor[a]),
      chunk_sizes: [chunk],
      encoding: v.encoding,
      ...(v.encoding === 'compressed_segmentation' && { compressed_segmentation_block_size: BLOCK_SHAPE }),
    }
  })
  return {
    '@type': 'neuroglancer_multiscale_volume',
    type: v.type,
    data_type: v.dataType,
    num_channels: v.channels,
    scales,
    ...(v.mesh !== undefined && { mesh: v.mesh }),
    ...(v.skeletons !== undefined && { skeletons: v.skeletons }),
    ...(v.segmentProperties !== undefined && { segment_properties: v.segmentProperties }),
  }
}

const NAME = /^(\d+)-(\d+)_(\d+)-(\d+)_(\d+)-(\d+)$/

/** The box in a chunk name `x0-x1_y0-y1_z0-z1`; undefined when it is not the name of a chunk of that grid and those bounds. */
export function parseChunkName(name: string, bounds: Box, chunk: Vec3 = CHUNK): Box | undefined {
  const m = NAME.exec(name)?.slice(1).map(Number)
  if (!m) return undefined
  const min: Vec3 = [m[0]!, m[2]!, m[4]!]
  const max: Vec3 = [m[1]!, m[3]!, m[5]!]
  const cell = map3(a => Math.floor(min[a] / chunk[a]))
  const start = multiply(cell, chunk)
  const right = map3(a => Math.min(start[a] + chunk[a], bounds.max[a]))
  const fits = min.every((v, a) => v === Math.max(start[a]!, bounds.min[a]!) && max[a] === right[a] && v < right[a]!)
  return fits ? { min, max } : undefined
}
