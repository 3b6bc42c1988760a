// The same voxels as OME-Zarr: metadata of an OME-Zarr 0.5 multiscale group on sharded Zarr v3.
//
// Sources: ome/ngff 0.5/index.bs; zarr-specs v3 core and sharding-indexed. Axes are [c,] z, y, x in C order, which is Hillock's own voxel order.
import type { Json } from '../../domain/canonical.ts'
import { map3, shapeOf, type Box, type Vec3 } from '../../domain/geometry.ts'
import { mipBounds } from '../../domain/index/tree.ts'
import type { DataType } from './chunk.ts'
import { LEVEL } from './zarr-shard.ts'

export interface ZarrVolume {
  readonly name: string
  readonly dataType: DataType
  readonly channels: number
  readonly voxelSizeNm: readonly [number, number, number]
  /** Bounds of the dataset in voxels of mip 0; voxel 0 of every array is the bounds' lower corner. */
  readonly bounds: Box
  /** Where the box's coordinates begin in those of the viewer, in voxels of mip 0. */
  readonly offset?: Vec3 | undefined
  /** Cumulative downsampling of every mip (the first is 1, 1, 1), and the shape of its shards. */
  readonly mips: readonly { readonly factor: Vec3; readonly shard: Vec3 }[]
  readonly chunk: Vec3
}

const zyx = (v: readonly [number, number, number]): number[] => [v[2], v[1], v[0]]

function arrayMetadata(v: ZarrVolume, bounds: Box, shard: Vec3): Json {
  const many = v.channels > 1
  const shape = (xyz: Vec3): number[] => [...(many ? [v.channels] : []), ...zyx(xyz)]
  const bytes = { name: 'bytes', configuration: { endian: 'little' } }
  return {
    zarr_format: 3,
    node_type: 'array',
    shape: shape(shapeOf(bounds)),
    data_type: v.dataType,
    chunk_grid: { name: 'regular', configuration: { chunk_shape: shape(shard) } },
    chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
    fill_value: 0,
    codecs: [
      {
        name: 'sharding_indexed',
        configuration: {
          chunk_shape: shape(v.chunk),
          codecs: [bytes, { name: 'zstd', configuration: { level: LEVEL, checksum: false } }],
          index_codecs: [bytes, { name: 'crc32c' }],
          index_location: 'end',
        },
      },
    ],
    attributes: {},
    dimension_names: [...(many ? ['c'] : []), 'z', 'y', 'x'],
  }
}

function multiscale(v: ZarrVolume): Json {
  const many = v.channels > 1
  const space = ['z', 'y', 'x'].map(name => ({ name, type: 'space', unit: 'nanometer' }))
  const datasets = v.mips.map(({ factor }, mip) => {
    const size = map3(a => v.voxelSizeNm[a] * factor[a])
    const min = mipBounds(v.bounds, factor).min
    // OME places the centre of voxel 0: that of a downsampled voxel lies half of the added size further in.
    const shift = map3(a => min[a] * size[a] + ((factor[a] - 1) / 2 + (v.offset?.[a] ?? 0)) * v.voxelSizeNm[a])
    return {
      path: String(mip),
      coordinateTransformations: [
        { type: 'scale', scale: [...(many ? [1] : []), ...zyx(size)] },
        { type: 'translation', translation: [...(many ? [0] : []), ...zyx(shift)] },
      ],
    }
  })
  return { name: v.name, axes: [...(many ? [{ name: 'c', type: 'channel' }] : []), ...space], datasets }
}

const group = (ome: { readonly [key: string]: Json }): Json => ({
  zarr_format: 3,
  node_type: 'group',
  attributes: { ome: { version: '0.5', ...ome } },
})

/**
 * Metadata objects of an image by path: `zarr.json` of the group and of every mip (`<mip>/zarr.json`); those of its label images, below
 * `labels/<name>`, and the list of them.
 */
export function zarrMetadata(image: ZarrVolume, labels: readonly ZarrVolume[] = []): Map<string, Json> {
  const out = new Map<string, Json>()
  const add = (prefix: string, v: ZarrVolume, more: { readonly [key: string]: Json }): void => {
    out.set(`${prefix}zarr.json`, group({ multiscales: [multiscale(v)], ...more }))
    v.mips.forEach(({ factor, shard }, mip) =>
      out.set(`${prefix}${mip}/zarr.json`, arrayMetadata(v, mipBounds(v.bounds, factor), shard)),
    )
  }
  add('', image, {})
  if (labels.length > 0) {
    out.set('labels/zarr.json', group({ labels: labels.map(l => l.name) }))
    for (const l of labels) add(`labels/${l.name}/`, l, { 'image-label': { source: { image: '../../' } } })
  }
  return out
}
