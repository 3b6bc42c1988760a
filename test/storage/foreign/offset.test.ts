// A dataset that begins elsewhere in the coordinates of its source: every layer is given back there, each to the same place.
import { expect, test } from 'vitest'
import type { Vec3 } from '../../../domain/geometry.ts'
import { AnnotationSchema, decodeList } from '../formats/decoders.ts'
import { synapseFiles, type SynapseLine } from '../../../storage/formats/annotations/synapses.ts'
import { multilodInfo } from '../../../storage/formats/meshes/multilod.ts'
import { volumeInfo } from '../../../storage/formats/precomputed/info.ts'
import { shardReader, ShardingSpec } from '../../../storage/formats/precomputed/sharding.ts'
import { skeletonInfo } from '../../../storage/formats/skeleton.ts'
import { zarrMetadata } from '../../../storage/formats/zarr.ts'

const offset: Vec3 = [-80, 64, 2430]
const voxelSizeNm: Vec3 = [4, 4, 40]
const bounds = { min: [0, 0, 0], max: [128, 128, 64] } as const
const volume = { bounds, offset, voxelSizeNm, channels: 1, chunk: [64, 64, 64] as Vec3 }

test('precomputed: whole voxels of every mip', () => {
  const mips = [{ factor: [1, 1, 1] as Vec3 }, { factor: [2, 2, 1] as Vec3 }, { factor: [32, 32, 4] as Vec3 }]
  const info = volumeInfo({ ...volume, type: 'image', dataType: 'uint8', encoding: 'raw', mips })
  const { scales } = info as unknown as { scales: { voxel_offset: number[]; size: number[] }[] }
  expect(scales.map(s => s.voxel_offset)).toEqual([
    [-80, 64, 2430],
    [-40, 32, 2430],
    [-2, 2, 608],
  ])
  expect(scales[0]!.size).toEqual([128, 128, 64])
})

test('OME-Zarr: to a fraction of a voxel', () => {
  const mips = [
    { factor: [1, 1, 1] as Vec3, shard: [64, 64, 64] as Vec3 },
    { factor: [2, 2, 1] as Vec3, shard: [64, 64, 64] as Vec3 },
  ]
  const group = zarrMetadata({ ...volume, name: 'em', dataType: 'uint8', mips }).get('zarr.json')
  const text = JSON.stringify(group)
  // z, y, x of the centre of the first voxel.
  expect(text).toContain('"translation":[97200,256,-320]')
  expect(text).toContain('"translation":[97200,258,-318]')
})

test('meshes, skeletons: in the transform; the same without an offset as ever', () => {
  const shift: Vec3 = [-320, 256, 97200]
  for (const info of [multilodInfo(10, undefined, shift), skeletonInfo(undefined, shift)])
    expect((info as { transform: number[] }).transform).toEqual([1, 0, 0, -320, 0, 1, 0, 256, 0, 0, 1, 97200])
  expect((skeletonInfo() as { transform: number[] }).transform).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0])
})

test('synapses: in every list; the spatial index counts from the lower bound', async () => {
  const line = (id: bigint, x: number): SynapseLine => ({
    id,
    pre: [x, 2, 3],
    post: [x + 1, 2, 3],
    score: 1,
    preSegment: 7n,
    postSegment: 8n,
  })
  const synapses = [line(1n, 10), line(2n, 100)]
  const read = async (at?: Vec3) => {
    const files = new Map([...synapseFiles(bounds, voxelSizeNm, synapses, 1, at)].map(f => [f.path, f.bytes]))
    const info = JSON.parse(Buffer.from(files.get('info')!).toString()) as Record<string, unknown>
    const schema = AnnotationSchema.parse(info)
    const lists: unknown[] = []
    const [relation] = info['relationships'] as { key: string; sharding: unknown }[]
    const reader = shardReader(ShardingSpec.parse(relation!.sharding), async (file, from, n) =>
      files.get(`${relation!.key}/${file}`)?.slice(from, from + n),
    )
    lists.push(decodeList(schema, (await reader.get(7n))!).map(a => a.geometry))
    return { lists, lower: info['lower_bound'], upper: info['upper_bound'], spatial: info['spatial'] as unknown }
  }
  const [here, there] = [await read(), await read(offset)]
  expect(here.lists).toEqual([
    [
      [10, 2, 3, 11, 2, 3],
      [100, 2, 3, 101, 2, 3],
    ],
  ])
  expect(there.lists).toEqual([
    [
      [-70, 66, 2433, -69, 66, 2433],
      [20, 66, 2433, 21, 66, 2433],
    ],
  ])
  expect([there.lower, there.upper]).toEqual([offset, [48, 192, 2494]])
  expect(there.spatial).toEqual(here.spatial)
})
