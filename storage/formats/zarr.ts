// The same voxels as OME-Zarr: metadata of an OME-Zarr 0.5 multiscale group on Zarr v3, and its unsharded zstd chunks.
//
// Sources: ome/ngff 0.5/index.bs; zarr-specs v3 core. Axes are [c,] z, y, x in C order, which is Hillock's own voxel order.
import { constants, zstdCompressSync } from 'node:zlib'
import type { Json } from '../../domain/canonical.ts'
import { boxAt, cellsIn, map3, multiply, product, shapeOf, type Box, type Vec3 } from '../../domain/geometry.ts'
import { mipBounds } from '../../domain/tree.ts'
import { dataTypeOf, newVolume, type DataType, type VolumeArray } from './chunk.ts'
import { CHUNK, copyOverlap } from './volume.ts'

const LEVEL = 3

export interface ZarrVolume {
  readonly name: string
  readonly dataType: DataType
  readonly channels: number
  readonly voxelSizeNm: readonly [number, number, number]
  /** Bounds of the dataset in voxels of mip 0; voxel 0 of every array is the bounds' lower corner. */
  readonly bounds: Box
  /** Cumulative downsampling of every mip; the first is 1, 1, 1. */
  readonly factors: readonly Vec3[]
  readonly chunk?: Vec3
}

const zyx = (v: readonly [number, number, number]): number[] => [v[2], v[1], v[0]]

function arrayMetadata(v: ZarrVolume, bounds: Box, chunk: Vec3): Json {
  const many = v.channels > 1
  return {
    zarr_format: 3,
    node_type: 'array',
    shape: [...(many ? [v.channels] : []), ...zyx(shapeOf(bounds))],
    data_type: v.dataType,
    chunk_grid: { name: 'regular', configuration: { chunk_shape: [...(many ? [v.channels] : []), ...zyx(chunk)] } },
    chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
    fill_value: 0,
    codecs: [
      { name: 'bytes', configuration: { endian: 'little' } },
      { name: 'zstd', configuration: { level: LEVEL, checksum: false } },
    ],
    attributes: {},
    dimension_names: [...(many ? ['c'] : []), 'z', 'y', 'x'],
  }
}

function multiscale(v: ZarrVolume): Json {
  const many = v.channels > 1
  const space = ['z', 'y', 'x'].map(name => ({ name, type: 'space', unit: 'nanometer' }))
  const datasets = v.factors.map((factor, mip) => {
    const size = map3(a => v.voxelSizeNm[a] * factor[a])
    const min = mipBounds(v.bounds, factor).min
    // OME places the centre of voxel 0: that of a downsampled voxel lies half of the added size further in.
    const shift = map3(a => min[a] * size[a] + ((factor[a] - 1) / 2) * v.voxelSizeNm[a])
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
    v.factors.forEach((factor, mip) =>
      out.set(`${prefix}${mip}/zarr.json`, arrayMetadata(v, mipBounds(v.bounds, factor), v.chunk ?? CHUNK)),
    )
  }
  add('', image, {})
  if (labels.length > 0) {
    out.set('labels/zarr.json', group({ labels: labels.map(l => l.name) }))
    for (const l of labels) add(`labels/${l.name}/`, l, { 'image-label': { source: { image: '../../' } } })
  }
  return out
}

/** Key of the chunk at a grid coordinate that counts from the lower bound: `<mip>/c/[0/]z/y/x`. */
const zarrChunkPath = (mip: number, coord: Vec3, channels: number): string =>
  `${mip}/c/${channels > 1 ? '0/' : ''}${zyx(coord).join('/')}`

/**
 * Chunks of a region's volume (`data` of shape box x channels), padded with 0 to the full chunk shape. The box and the bounds are in voxels of the mip; the
 * box starts on the chunk grid.
 */
export function* zarrChunks(
  data: VolumeArray,
  box: Box,
  options: { readonly mip: number; readonly bounds: Box; readonly channels?: number; readonly chunk?: Vec3 },
): Generator<{ path: string; bytes: Uint8Array }> {
  const { mip, bounds, channels = 1, chunk = CHUNK } = options
  const local: Box = { min: map3(a => box.min[a] - bounds.min[a]), max: map3(a => box.max[a] - bounds.min[a]) }
  if (local.min.some((v, a) => v % chunk[a]! !== 0))
    throw new RangeError('the box does not start on the grid of chunks')
  const dtype = dataTypeOf(data)
  for (const coord of cellsIn(local, chunk)) {
    const values = newVolume(dtype, product(chunk) * channels)
    copyOverlap(data, local, values, boxAt(multiply(coord, chunk), chunk), channels)
    const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    const bytes = zstdCompressSync(raw, {
      params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
    })
    yield { path: zarrChunkPath(mip, coord, channels), bytes }
  }
}
