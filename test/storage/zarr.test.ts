// OME-Zarr written by regions, read by zarrita and by Neuroglancer's metadata parsers.
import 'neuroglancer/unstable/datasource/zarr/codec/bytes/resolve.js'
import 'neuroglancer/unstable/datasource/zarr/codec/zstd/resolve.js'
import { parseOmeMetadata } from 'neuroglancer/unstable/datasource/zarr/ome.js'
import { parseV3Metadata } from 'neuroglancer/unstable/datasource/zarr/metadata/parse.js'
import { describe, expect, test } from 'vitest'
import * as zarr from 'zarrita'
import { cellBox, cellsIn, shapeOf, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import { mipBounds } from '../../domain/tree.ts'
import { newVolume, type DataType, type VolumeArray } from '../../storage/formats/chunk.ts'
import { zarrChunks, zarrMetadata, type ZarrVolume } from '../../storage/formats/zarr.ts'

const factors: Vec3[] = [
  [1, 1, 1],
  [2, 2, 1],
  [4, 4, 2],
]
const chunk: Vec3 = [16, 8, 4]
const image: ZarrVolume = {
  name: 'em',
  dataType: 'uint8',
  channels: 1,
  voxelSizeNm: [4, 4, 20],
  bounds: { min: [0, 0, 0], max: [37, 29, 11] },
  factors,
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

function filesOf(v: ZarrVolume, prefix: string, files: Files, regionShape: Vec3): void {
  v.factors.forEach((factor, mip) => {
    const bounds = mipBounds(v.bounds, factor)
    for (const region of cellsIn(bounds, regionShape)) {
      const box = cellBox(region, regionShape, bounds)
      for (const { path, bytes } of zarrChunks(volumeOf(v.dataType, box, v.channels, mip), box, {
        mip,
        bounds,
        channels: v.channels,
        chunk,
      })) {
        expect(files.has(`/${prefix}${path}`)).toBe(false)
        files.set(`/${prefix}${path}`, bytes)
      }
    }
  })
}

function written(v: ZarrVolume, more: ZarrVolume[] = [], regionShape: Vec3 = [32, 16, 8]): Files {
  const files: Files = new Map()
  for (const [path, json] of zarrMetadata(v, more)) files.set(`/${path}`, Buffer.from(JSON.stringify(json)))
  filesOf(v, '', files, regionShape)
  for (const l of more) filesOf(l, `labels/${l.name}/`, files, regionShape)
  return files
}

async function expectArray(files: Files, path: string, v: ZarrVolume, mip: number): Promise<void> {
  const array = await zarr.open.v3(zarr.root(files).resolve(path), { kind: 'array' })
  const bounds = mipBounds(v.bounds, v.factors[mip]!)
  const [x, y, z] = shapeOf(bounds)
  expect(array.shape).toEqual(v.channels > 1 ? [v.channels, z, y, x] : [z, y, x])
  expect(array.dtype).toBe(v.dataType)
  const { data } = await zarr.get(array)
  expect(data).toEqual(volumeOf(v.dataType, bounds, v.channels, mip))
}

describe('zarrita reads every voxel', () => {
  test.each([0, 1, 2])('of the image and its labels at mip %i', async mip => {
    const files = written(image, [labels])
    await expectArray(files, `${mip}`, image, mip)
    await expectArray(files, `labels/segmentation/${mip}`, labels, mip)
  })
  test('of several channels', async () => expectArray(written(channels), '1', channels, 1))
})

test('every zstd frame states its content size, by which readers size their buffer', () => {
  for (const [path, bytes] of written(image))
    if (path.includes('/c/')) expect([path, bytes[4]! & 0xe0]).not.toEqual([path, 0])
})

test('the bytes do not depend on the regions', () => {
  const sorted = (f: Files): [string, string][] =>
    [...f].map(([p, b]): [string, string] => [p, Buffer.from(b).toString('hex')]).sort((a, b) => (a[0] < b[0] ? -1 : 1))
  expect(sorted(written(labels, [], [16, 32, 4]))).toEqual(sorted(written(labels, [], [48, 32, 12])))
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
