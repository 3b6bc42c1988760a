// OME-Zarr written by regions, read by zarrita and by Neuroglancer's metadata parsers.
import 'neuroglancer/unstable/datasource/zarr/codec/bytes/resolve.js'
import 'neuroglancer/unstable/datasource/zarr/codec/crc32c/resolve.js'
import 'neuroglancer/unstable/datasource/zarr/codec/sharding_indexed/resolve.js'
import 'neuroglancer/unstable/datasource/zarr/codec/zstd/resolve.js'
import { parseOmeMetadata } from 'neuroglancer/unstable/datasource/zarr/ome.js'
import { parseV3Metadata } from 'neuroglancer/unstable/datasource/zarr/metadata/parse.js'
import { describe, expect, test } from 'vitest'
import * as zarr from 'zarrita'
import { boxAt, cellBox, cellsIn, multiply, shapeOf, voxels, type Box, type Vec3 } from '../../../domain/geometry.ts'
import { mipBounds } from '../../../domain/index/tree.ts'
import { newVolume, type DataType, type VolumeArray } from '../../../storage/formats/chunk.ts'
import { copyOverlap } from '../../../storage/formats/volume.ts'
import { zarrMetadata, type ZarrVolume } from '../../../storage/formats/zarr.ts'
import { decodeZarrShard, encodeZarrShard } from '../../../storage/formats/zarr-shard.ts'

const factors: Vec3[] = [
  [1, 1, 1],
  [2, 2, 1],
  [4, 4, 2],
]
const chunk: Vec3 = [16, 8, 4]
const shard: Vec3 = [32, 16, 8]
const image: ZarrVolume = {
  name: 'em',
  dataType: 'uint8',
  channels: 1,
  voxelSizeNm: [4, 4, 20],
  bounds: { min: [0, 0, 0], max: [37, 29, 11] },
  mips: factors.map(factor => ({ factor, shard })),
  chunk,
}
const labels: ZarrVolume = { ...image, name: 'segmentation', dataType: 'uint64' }
const channels: ZarrVolume = { ...image, name: 'affinity', channels: 3 }

function volumeOf(dtype: DataType, box: Box, count: number, mip: number): VolumeArray {
  const data = newVolume(dtype, voxels(box) * count)
  const [sx, sy, sz] = shapeOf(box)
  for (let i = 0; i < data.length; i++) {
    const x = (i % sx) + box.min[0]
    const y = (Math.floor(i / sx) % sy) + box.min[1]
    const z = (Math.floor(i / (sx * sy)) % sz) + box.min[2]
    const c = Math.floor(i / (sx * sy * sz))
    const v = (x * 7 + y * 31 + z * 101 + c * 53 + mip * 17) % 251
    data[i] = dtype === 'uint64' ? (BigInt(v) << 56n) | 1n : v
  }
  return data
}

/** Memory store of zarrita: the objects by path. */
type Files = Map<`/${string}`, Uint8Array>

async function filesOf(v: ZarrVolume, prefix: string, files: Files): Promise<void> {
  for (const [mip, { factor }] of v.mips.entries()) {
    const bounds = mipBounds(v.bounds, factor)
    for (const at of cellsIn(bounds, shard)) {
      const box = cellBox(at, shard, bounds)
      const data = volumeOf(v.dataType, box, v.channels, mip)
      const bytes = await encodeZarrShard(data, box, multiply(at, shard), { shard, chunk, channels: v.channels })
      files.set(`/${prefix}${mip}/c/${v.channels > 1 ? '0/' : ''}${at.toReversed().join('/')}`, bytes)
    }
  }
}

async function written(v: ZarrVolume, more: ZarrVolume[] = []): Promise<Files> {
  const files: Files = new Map()
  for (const [path, json] of zarrMetadata(v, more)) files.set(`/${path}`, Buffer.from(JSON.stringify(json)))
  await filesOf(v, '', files)
  for (const l of more) await filesOf(l, `labels/${l.name}/`, files)
  return files
}

const ranged = (files: Files): zarr.AsyncReadable => ({
  get: async key => files.get(key),
  getRange: async (key, r) =>
    'suffixLength' in r ? files.get(key)?.slice(-r.suffixLength) : files.get(key)?.slice(r.offset, r.offset + r.length),
})

async function expectArray(files: Files, path: string, v: ZarrVolume, mip: number): Promise<void> {
  const array = await zarr.open.v3(zarr.root(ranged(files)).resolve(path), { kind: 'array' })
  const bounds = mipBounds(v.bounds, factors[mip]!)
  const [x, y, z] = shapeOf(bounds)
  expect(array.shape).toEqual(v.channels > 1 ? [v.channels, z, y, x] : [z, y, x])
  expect(array.dtype).toBe(v.dataType)
  const { data } = await zarr.get(array)
  expect(data).toEqual(volumeOf(v.dataType, bounds, v.channels, mip))
}

describe('zarrita reads every voxel', () => {
  test.each([0, 1, 2])('of the image and its labels at mip %i', async mip => {
    const files = await written(image, [labels])
    await expectArray(files, `${mip}`, image, mip)
    await expectArray(files, `labels/segmentation/${mip}`, labels, mip)
  })
  test('of several channels', async () => expectArray(await written(channels), '1', channels, 1))
})

test('a shard holds what was put in, in whatever box, and a damaged index is refused', async () => {
  const box: Box = { min: [32, 16, 8], max: [37, 29, 11] }
  const data = volumeOf('uint64', box, 1, 0)
  const bytes = await encodeZarrShard(data, box, box.min, { shard, chunk, channels: 1 })
  const decoded = (from: Uint8Array, of: Box): VolumeArray => {
    const out = newVolume('uint64', voxels(of))
    decodeZarrShard(from, box.min, { shard, chunk, channels: 1 }, out, of)
    return out
  }
  const whole = boxAt(box.min, shard)
  for (const of of [whole, boxAt([35, 20, 5], [7, 3, 5]), boxAt([0, 0, 0], [40, 40, 40])]) {
    const expected = newVolume('uint64', voxels(of))
    copyOverlap(data, box, expected, of, 1)
    expect(decoded(bytes, of)).toEqual(expected)
  }
  for (const at of [bytes.length - 1, bytes.length - 6, bytes.length - 100]) {
    const bad = bytes.slice()
    bad[at]! ^= 16
    expect(() => decoded(bad, whole)).toThrow(RangeError)
  }
  // Readers size their buffer by the content size of the frame.
  expect(bytes[4]! & 0xe0).not.toBe(0)
})

test('Neuroglancer takes the metadata, and all mips lie on one another', () => {
  const meta = zarrMetadata(image, [labels])
  expect([...meta.keys()].sort()).toEqual(
    ['0', '1', '2']
      .flatMap(m => [`${m}/zarr.json`, `labels/segmentation/${m}/zarr.json`])
      .concat('labels/segmentation/zarr.json', 'labels/zarr.json', 'zarr.json')
      .sort(),
  )
  for (const [path, json] of meta)
    parseV3Metadata(structuredClone(json) as never, /\d\/zarr.json$/.test(path) ? 'array' : 'group')
  const root = meta.get('zarr.json') as { attributes: unknown }
  const parsed = parseOmeMetadata('memory://x/', structuredClone(root.attributes) as never, 3)!
  expect(parsed.multiscale.coordinateSpace.names).toEqual(['z', 'y', 'x'])
  expect(parsed.multiscale.scales.map(s => s.url)).toEqual(
    ['memory://x/0/', 'memory://x/1/', 'memory://x/2/'].map(u => expect.stringContaining(u.slice(0, -1))),
  )
  // Neuroglancer places corners: those of all mips must meet at the origin.
  const corners = parsed.multiscale.scales.map(s => [12, 13, 14].map(i => (s.transform as Float64Array)[i]! * 1))
  for (const c of corners) expect(c).toEqual(corners[0])
  expect((meta.get('labels/zarr.json') as { attributes: unknown }).attributes).toEqual({
    ome: { version: '0.5', labels: ['segmentation'] },
  })
})
