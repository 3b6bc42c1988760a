// Volumes cut into chunks of regions and read back: any decomposition, any box, the same voxels.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellBox, cellsIn, contains, key, map3, voxels, type Box, type Vec3 } from '../../../domain/geometry.ts'
import type { ArtifactRef } from '../../../domain/lineage.ts'
import { artifactStore, type ArtifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import {
  bytesPerVoxel,
  newVolume,
  type DataType,
  type Encoding,
  type VolumeArray,
} from '../../../storage/formats/chunk.ts'
import { chunkPaths, copyOverlap, encodeChunks, readBox } from '../../../storage/formats/volume.ts'
import { attempt, freshFolder, memoryStore, recipeOf, useAgain } from '../fixtures.ts'

/** The value of a voxel says where it is. */
const valueAt = (x: number, y: number, z: number, c: number): number => ((x * 73 + y * 151 + z * 283 + c * 7) % 250) + 1

function volumeOf<D extends DataType>(dtype: D, box: Box, channels: number, bounds: Box): VolumeArray<D> {
  const data = newVolume(dtype, voxels(box) * channels)
  let i = 0
  for (let c = 0; c < channels; c++)
    for (let z = box.min[2]; z < box.max[2]; z++)
      for (let y = box.min[1]; y < box.max[1]; y++)
        for (let x = box.min[0]; x < box.max[0]; x++, i++) {
          const inside = contains(bounds, { min: [x, y, z], max: [x + 1, y + 1, z + 1] })
          const v = inside ? valueAt(x, y, z, c) : 0
          data[i] = dtype === 'uint64' ? BigInt(v) << 50n : v
        }
  return data
}

async function writeRegions(
  store: ArtifactStore,
  dtype: DataType,
  encoding: Encoding,
  bounds: Box,
  regionShape: Vec3,
  channels: number,
  chunk: Vec3,
  mip: number,
): Promise<Map<string, ArtifactRef>> {
  const refs = new Map<string, ArtifactRef>()
  for (const [i, region] of cellsIn(bounds, regionShape).entries()) {
    const box = cellBox(region, regionShape, bounds)
    const writer = store.write(recipeOf(i))
    for (const { path, bytes } of encodeChunks(volumeOf(dtype, box, channels, bounds), box, {
      mip,
      encoding,
      channels,
      chunk,
    })) {
      await writer.put(path, bytes)
    }
    const made = await writer.commit(attempt)
    expect(made.lineage.outputs.map(o => o.path).sort()).toEqual(chunkPaths(box, mip, chunk).sort())
    refs.set(key(region), made)
  }
  return refs
}

const small = (max: number): fc.Arbitrary<Vec3> =>
  fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }), fc.integer({ min: 1, max }))
const kinds = fc.constantFrom<[DataType, Encoding, number]>(
  ['uint8', 'raw', 1],
  ['uint8', 'raw', 3],
  ['uint64', 'compressed_segmentation', 1],
  ['uint64', 'raw', 2],
  ['float32', 'raw', 1],
  ['uint16', 'raw', 1],
)

test('any box of any decomposition is what was written, 0 where there is nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      small(20),
      small(6),
      small(3),
      kinds,
      fc.boolean(),
      fc.array(fc.nat(30), { minLength: 6, maxLength: 6 }),
      fc.nat(7),
      async (size, chunk, many, kind, whole, cut, hole) => {
        const [dtype, encoding, channels] = kind
        const store = artifactStore(memoryStore())
        const bounds: Box = { min: [0, 0, 0], max: size }
        // Whole chunks on every axis, or all of the dataset on the first one.
        const regionShape = map3(a => (whole && a === 0 ? size[0] : chunk[a] * many[a]))
        const refs = await writeRegions(store, dtype, encoding, bounds, regionShape, channels, chunk, 2)
        const box: Box = { min: map3(a => cut[a]! - 5), max: map3(a => cut[a]! - 5 + 1 + (cut[3 + a]! % 17)) }
        const regions = cellsIn(bounds, regionShape).map(key)
        const gone = hole < 3 ? regions[hole % regions.length] : undefined
        useAgain(voxels(box) * channels * bytesPerVoxel(dtype))
        const { data, missing } = await readBox(store, {
          artifacts: r => (key(r) === gone ? undefined : refs.get(key(r))),
          regionShape,
          bounds,
          box,
          mip: 2,
          dtype,
          channels,
          encoding,
          chunk,
        })
        const expected = volumeOf(dtype, box, channels, bounds)
        const [x, y, z] = gone?.split('_').map(Number) ?? []
        if (gone) {
          const lost = cellBox([x!, y!, z!], regionShape, bounds)
          copyOverlap(newVolume(dtype, voxels(lost) * channels), lost, expected, box, channels)
          const touched = lost.min.every((v, a) => v < box.max[a]! && lost.max[a]! > box.min[a]!)
          expect(missing.map(key)).toEqual(touched ? [gone] : [])
        } else expect(missing).toEqual([])
        expect(data).toEqual(expected)
      },
    ),
    { numRuns: 100 },
  )
})

test('the bytes of a chunk do not depend on the regions it was written by', async () => {
  const bounds: Box = { min: [0, 0, 0], max: [13, 9, 7] }
  const digests = async (regionShape: Vec3): Promise<string[]> => {
    const store = artifactStore(memoryStore())
    const refs = await writeRegions(store, 'uint64', 'compressed_segmentation', bounds, regionShape, 1, [4, 4, 4], 0)
    const records = await Promise.all([...refs.values()].map(r => store.open(r)))
    return records.flatMap(r => r.outputs.map(o => `${o.path} ${o.sha256}`)).sort()
  }
  expect(await digests([4, 8, 4])).toEqual(await digests([16, 12, 8]))
})

test('chunks have the names and clipping of precomputed', () => {
  const box: Box = { min: [64, 0, 0], max: [150, 70, 30] }
  const paths = [...encodeChunks(new Uint8Array(voxels(box)), box, { mip: 1, encoding: 'raw' })].map(c => [
    c.path,
    c.bytes.length,
  ])
  expect(paths).toEqual([
    ['1/64-128_0-64_0-30', 64 * 64 * 30],
    ['1/128-150_0-64_0-30', 22 * 64 * 30],
    ['1/64-128_64-70_0-30', 64 * 6 * 30],
    ['1/128-150_64-70_0-30', 22 * 6 * 30],
  ])
})

test('what does not fit is refused', async () => {
  const box: Box = { min: [0, 0, 0], max: [8, 8, 8] }
  expect(() => [...encodeChunks(new Uint8Array(511), box, { mip: 0, encoding: 'raw' })]).toThrow(/511 values/)
  expect(() => [
    ...encodeChunks(new Uint8Array(512), { min: [8, 0, 0], max: [16, 8, 8] }, { mip: 0, encoding: 'raw' }),
  ]).toThrow(/grid/)
  expect(() => [...encodeChunks(new Uint8Array(512), box, { mip: 0, encoding: 'compressed_segmentation' })]).toThrow(
    /uint64/,
  )
  const store = artifactStore(memoryStore())
  const request = {
    artifacts: () => undefined,
    bounds: { min: [0, 0, 0], max: [128, 64, 64] } as Box,
    box,
    mip: 0,
    dtype: 'uint8',
    encoding: 'raw',
  } as const
  await expect(readBox(store, { ...request, regionShape: [96, 64, 64] })).rejects.toThrow(/whole chunks/)
})

test('a chunk that is gone or damaged in an artifact that exists is an error, not a hole', async () => {
  const root = await freshFolder()
  const store = artifactStore(fileStore(root))
  const bounds: Box = { min: [0, 0, 0], max: [8, 4, 4] }
  const refs = await writeRegions(store, 'uint8', 'raw', bounds, [8, 4, 4], 1, [4, 4, 4], 0)
  const ref = refs.get('0_0_0')!
  const read = (box: Box): Promise<unknown> =>
    readBox(store, {
      artifacts: () => ref,
      regionShape: [8, 4, 4],
      bounds,
      box,
      mip: 0,
      dtype: 'uint8',
      encoding: 'raw',
      chunk: [4, 4, 4],
    })
  await rm(join(root, 'artifacts/render', ref.recipe, '0/4-8_0-4_0-4'))
  await expect(read(bounds)).rejects.toMatchObject({ type: 'MissingArtifact' })
  expect(await read({ min: [0, 0, 0], max: [4, 4, 4] })).toMatchObject({ missing: [] })
})
