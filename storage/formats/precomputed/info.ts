// The info file of a Neuroglancer precomputed volume, written and read.
//
// Source: google/neuroglancer src/datasource/precomputed/volume.rst.
import { z } from 'zod'
import type { Json } from '../../../domain/canonical.ts'
import { map3, Shape, shapeOf, Vec3, type Box } from '../../../domain/geometry.ts'
import { mipBounds } from '../../../domain/index/tree.ts'
import type { DataType } from '../chunk.ts'
import { BLOCK_SHAPE } from '../compressed-segmentation.ts'
import type { Encoding } from './encoding.ts'
import { ShardingSpec } from './sharding.ts'

export interface VolumeInfo {
  readonly type: 'image' | 'segmentation'
  readonly dataType: DataType
  readonly channels: number
  readonly encoding: Encoding
  readonly voxelSizeNm: readonly [number, number, number]
  /** Bounds of the dataset in voxels of mip 0. */
  readonly bounds: Box
  /** Where that box's coordinates begin in those of the viewer, in voxels of mip 0; coarser mips are placed to the nearest of their voxels. */
  readonly offset?: Vec3 | undefined
  readonly chunk: Vec3
  /** Cumulative downsampling of every mip (the first is 1, 1, 1), and how its chunks are sharded; plain chunks where that is left out. */
  readonly mips: readonly { readonly factor: Vec3; readonly sharding?: ShardingSpec }[]
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
  const { chunk } = v
  const scales = v.mips.map(({ factor, sharding }, mip) => {
    const bounds = mipBounds(v.bounds, factor)
    if (bounds.min.some((m, a) => m % chunk[a]! !== 0))
      throw new RangeError(`bounds of mip ${mip} start at ${bounds.min.join()}, off the grid of chunks`)
    return {
      key: String(mip),
      size: shapeOf(bounds),
      voxel_offset: v.offset ? map3(a => bounds.min[a] + Math.round(v.offset![a] / factor[a])) : bounds.min,
      resolution: map3(a => v.voxelSizeNm[a] * factor[a]),
      chunk_sizes: [chunk],
      encoding: v.encoding,
      ...(v.encoding === 'compressed_segmentation' && { compressed_segmentation_block_size: BLOCK_SHAPE }),
      ...(sharding && { sharding }),
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

const Scale = z.object({
  key: z.string(),
  size: Shape,
  voxel_offset: Vec3.default([0, 0, 0]),
  resolution: z.tuple([z.number(), z.number(), z.number()]).readonly(),
  chunk_sizes: z.array(Shape).min(1),
  encoding: z.string(),
  sharding: ShardingSpec.nullish(),
})
export type Scale = z.infer<typeof Scale>

/** What a reader needs of an info file that anybody wrote. */
export const PrecomputedInfo = z.object({
  type: z.enum(['image', 'segmentation']),
  data_type: z.string().transform(t => t.toLowerCase()),
  num_channels: z.number().int().positive(),
  scales: z.array(Scale).min(1),
})
export type PrecomputedInfo = z.infer<typeof PrecomputedInfo>
