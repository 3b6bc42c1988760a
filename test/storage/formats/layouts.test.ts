// Both layouts of a volume written by the nodes of a region tree: every voxel once, whatever the regions, chunks and shards.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellBox, cellsIn, key, map3, shapeOf, voxels, type Box, type Vec3 } from '../../../domain/geometry.ts'
import { newVolume, type VolumeArray } from '../../../storage/formats/chunk.ts'
import { layoutObjects, ownerOf } from '../../../storage/formats/layouts.ts'
import { volumeInfo } from '../../../storage/formats/precomputed/info.ts'
import { shardGrid, type MipLayout } from '../../../storage/formats/precomputed/shard-grid.ts'
import { zarrMetadata } from '../../../storage/formats/zarr.ts'
import { zarrShardShape } from '../../../storage/formats/zarr-shard.ts'
import type { Files } from '../../../storage/foreign/files.ts'
import { openPrecomputed } from '../../../storage/foreign/precomputed.ts'
import { openZarr } from '../../../storage/foreign/zarr.ts'

/** Labels beyond 2^53, a few of them per chunk, that say where they are; or grey values. */
function volumeOf(dtype: 'uint8' | 'uint64', box: Box): VolumeArray {
  const data = newVolume(dtype, voxels(box))
  const [sx, sy] = shapeOf(box)
  for (let i = 0; i < data.length; i++) {
    const x = box.min[0] + (i % sx)
    const y = box.min[1] + (Math.floor(i / sx) % sy)
    const z = box.min[2] + Math.floor(i / (sx * sy))
    data[i] =
      dtype === 'uint64'
        ? 2n ** 64n - 1n - BigInt((x >> 2) + 100 * (y >> 1) + 10_000 * z)
        : (x * 7 + y * 31 + z * 101) % 256
  }
  return data
}

const filesOf = (objects: ReadonlyMap<string, Uint8Array>): Files => {
  const get = async (path: string): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const bytes = objects.get(path)
    return bytes && new Uint8Array(bytes)
  }
  return {
    url: 'memory',
    get,
    stamp: async path => (objects.has(path) ? path : undefined),
    range: async (path, offset, length) =>
      offset < 0 ? (await get(path))?.slice(offset) : (await get(path))?.slice(offset, offset + length),
  }
}

const vec = (min: number, max: number): fc.Arbitrary<Vec3> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }), fc.integer({ min, max }))

test('both layouts hold every voxel, each object has one owner, and its name says which', async () => {
  await fc.assert(
    fc.asyncProperty(
      vec(1, 24),
      vec(1, 4),
      vec(1, 4),
      vec(1, 20),
      fc.constantFrom('raw' as const, 'png' as const, 'compressed_segmentation' as const),
      async (size, chunk, many, shard, encoding) => {
        const bounds: Box = { min: [0, 0, 0], max: size }
        const layout: MipLayout = { mip: 0, bounds, cell: map3(a => chunk[a] * many[a]), chunk, shard, encoding }
        const dtype = encoding === 'compressed_segmentation' ? 'uint64' : 'uint8'
        const objects = new Map<string, Uint8Array>()
        for (const cell of cellsIn(bounds, layout.cell)) {
          const box = cellBox(cell, layout.cell, bounds)
          for await (const { path, bytes } of layoutObjects(volumeOf(dtype, box), box, layout)) {
            expect(objects.has(path)).toBe(false)
            objects.set(path, bytes)
            expect(ownerOf(layout, path.replace(/^zarr\//, ''))).toBe(key(cell))
          }
        }
        const common = { channels: 1, voxelSizeNm: [4, 4, 40], bounds, chunk, dataType: dtype } as const
        const factor: Vec3 = [1, 1, 1]
        const info = volumeInfo({
          ...common,
          type: 'image',
          encoding,
          mips: [{ factor, sharding: shardGrid(layout).spec }],
        })
        objects.set('info', Buffer.from(JSON.stringify(info)))
        const meta = zarrMetadata({ ...common, name: 'em', mips: [{ factor, shard: zarrShardShape(layout) }] })
        for (const [path, json] of meta) objects.set(`zarr/${path}`, Buffer.from(JSON.stringify(json)))
        const zarr = new Map([...objects].map(([p, b]) => [p.replace(/^zarr\//, ''), b]))
        const beyond: Box = { min: [-1, -2, -3], max: map3(a => size[a] + 2) }
        const expected = newVolume(dtype, voxels(beyond))
        const data = volumeOf(dtype, beyond)
        const [sx, sy] = shapeOf(beyond)
        for (let i = 0; i < data.length; i++) {
          const at = [(i % sx) - 1, (Math.floor(i / sx) % sy) - 2, Math.floor(i / (sx * sy)) - 3]
          if (at.every((v, a) => v >= 0 && v < size[a]!)) expected[i] = data[i] as never
        }
        for (const volume of [await openPrecomputed(filesOf(objects)), await openZarr(filesOf(zarr))]) {
          expect(volume!.mips.map(m => [m.bounds, m.voxelSizeNm, m.chunk])).toEqual([[bounds, [4, 4, 40], chunk]])
          expect(await volume!.read(0, beyond)).toEqual(expected)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('a shard is as large as the cell allows and asked for, but no larger', () => {
  const layout = {
    mip: 0,
    bounds: { min: [0, 0, 0], max: [4096, 4096, 512] },
    cell: [512, 512, 512],
    chunk: [64, 64, 64],
    shard: [512, 512, 512],
    encoding: 'raw',
  } as const
  expect(shardGrid(layout).spec).toMatchObject({ preshift_bits: 9, minishard_bits: 0, shard_bits: 6 })
  expect(shardGrid({ ...layout, shard: [128, 128, 64] }).spec).toMatchObject({ preshift_bits: 2, shard_bits: 13 })
  expect(shardGrid({ ...layout, cell: [192, 192, 192] }).spec).toMatchObject({ preshift_bits: 0, shard_bits: 15 })
  expect(zarrShardShape(layout)).toEqual([512, 512, 512])
  expect(zarrShardShape({ ...layout, shard: [256, 100, 512] })).toEqual([256, 64, 512])
  expect(() => shardGrid({ ...layout, cell: [96, 64, 64] })).toThrow(/whole chunks/)
})
