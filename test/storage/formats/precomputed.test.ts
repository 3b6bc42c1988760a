// Precomputed info, legacy meshes, skeletons and segment properties, read by Neuroglancer's own code.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
// @ts-expect-error: the package has no types for its workers
import * as backend from 'neuroglancer/unstable/datasource/precomputed/backend.js'
import { decodeSkeletonChunk } from 'neuroglancer/unstable/skeleton/decode_precomputed_skeleton.js'
import { DataType } from 'neuroglancer/unstable/util/data_type.js'
import { expect, test } from 'vitest'
import { decodeMesh, encodeMesh } from '../../../storage/formats/meshes/legacy.ts'
import { PrecomputedInfo, volumeInfo } from '../../../storage/formats/precomputed/info.ts'
import { ShardingSpec } from '../../../storage/formats/precomputed/sharding.ts'
import { meshInfo, meshManifest, meshManifestName } from './decoders.ts'
import { segmentTable } from '../../../storage/formats/segment-properties.ts'
import { decodeSkeleton, encodeSkeleton, skeletonInfo } from '../../../storage/formats/skeleton.ts'
import { dataFolder, hasData } from '../fixtures.ts'

const f32 = fc.float({ noNaN: true })

test('info of a segmentation with three mips', () => {
  const sharding = ShardingSpec.parse({ '@type': 'neuroglancer_uint64_sharded_v1', hash: 'identity', shard_bits: 3 })
  const info = volumeInfo({
    type: 'segmentation',
    dataType: 'uint64',
    channels: 1,
    encoding: 'compressed_segmentation',
    voxelSizeNm: [4, 4, 40],
    bounds: { min: [0, 0, 0], max: [301, 200, 33] },
    chunk: [64, 64, 64],
    mips: [{ factor: [1, 1, 1] }, { factor: [2, 2, 1], sharding }, { factor: [4, 4, 1] }],
    mesh: 'mesh',
    segmentProperties: 'props',
  }) as { scales: Record<string, unknown>[] }
  expect(info).toMatchObject({
    '@type': 'neuroglancer_multiscale_volume',
    type: 'segmentation',
    data_type: 'uint64',
    num_channels: 1,
    mesh: 'mesh',
    segment_properties: 'props',
  })
  expect(info).not.toHaveProperty('skeletons')
  expect(info.scales.map(s => [s['key'], s['size'], s['resolution'], s['chunk_sizes'], s['voxel_offset']])).toEqual([
    ['0', [301, 200, 33], [4, 4, 40], [[64, 64, 64]], [0, 0, 0]],
    ['1', [151, 100, 33], [8, 8, 40], [[64, 64, 64]], [0, 0, 0]],
    ['2', [76, 50, 33], [16, 16, 40], [[64, 64, 64]], [0, 0, 0]],
  ])
  expect(info.scales[0]!['compressed_segmentation_block_size']).toEqual([8, 8, 8])
  expect(info.scales.map(s => s['sharding'])).toEqual([undefined, sharding, undefined])
  expect(PrecomputedInfo.parse(info).scales.map(s => s.size)).toEqual(info.scales.map(s => s['size']))
})

test('info of an image has no block size; bounds off the chunk grid are refused', () => {
  const image = {
    type: 'image',
    dataType: 'uint8',
    channels: 1,
    encoding: 'raw',
    voxelSizeNm: [8, 8, 8],
    chunk: [64, 64, 64],
    mips: [{ factor: [1, 1, 1] }],
  } as const
  const info = volumeInfo({ ...image, bounds: { min: [64, 0, 0], max: [100, 10, 10] } }) as { scales: object[] }
  expect(info.scales[0]).not.toHaveProperty('compressed_segmentation_block_size')
  expect(info.scales[0]).toMatchObject({ voxel_offset: [64, 0, 0], size: [36, 10, 10], encoding: 'raw' })
  expect(() => volumeInfo({ ...image, bounds: { min: [10, 0, 0], max: [100, 10, 10] } })).toThrow(RangeError)
})

test('a mesh fragment is what Neuroglancer reads', () => {
  fc.assert(
    fc.property(fc.array(f32, { minLength: 3, maxLength: 60 }), fc.array(fc.nat(), { maxLength: 60 }), (p, t) => {
      const positions = Float32Array.from(p.slice(0, p.length - (p.length % 3)))
      const triangles = Uint32Array.from(t.slice(0, t.length - (t.length % 3)), v => v % (positions.length / 3))
      const bytes = encodeMesh({ positions, triangles })
      expect(decodeMesh(bytes)).toEqual({ positions, triangles })
      const chunk: { meshData?: { vertexPositions: Float32Array; indices: ArrayLike<number> } } = {}
      backend.decodeFragmentChunk(chunk, bytes.slice().buffer)
      expect(chunk.meshData!.vertexPositions).toEqual(positions)
      expect(Array.from(chunk.meshData!.indices)).toEqual([...triangles])
    }),
  )
  expect(() => decodeMesh(new Uint8Array(17))).toThrow(RangeError)
  expect(() => decodeMesh(encodeMesh({ positions: new Float32Array(3), triangles: Uint32Array.of(0, 0, 1) }))).toThrow(
    RangeError,
  )
  const manifest: { fragmentIds?: string[] } = {}
  backend.decodeManifestChunk(manifest, meshManifest(['a', 'b']))
  expect(manifest.fragmentIds).toEqual(['a', 'b'])
  expect(meshManifestName(2n ** 64n - 1n)).toBe('18446744073709551615:0')
  expect(meshInfo()).toEqual({ '@type': 'neuroglancer_legacy_mesh' })
})

test.skipIf(!hasData)("peers' mesh fragments decode and encode to the same bytes", () => {
  const folder = join(dataFolder, 'format-fixtures/cloud-volume/test_cv/mesh_mip_2_err_40_sv16')
  const files = readdirSync(folder).filter(f => f.endsWith('.gz'))
  expect(files.length).toBeGreaterThan(0)
  for (const f of files) {
    const bytes = gunzipSync(readFileSync(join(folder, f)))
    expect(Buffer.compare(encodeMesh(decodeMesh(bytes)), bytes)).toBe(0)
  }
})

test.skipIf(!hasData)("Neuroglancer's own mesh fragments decode and encode to the same bytes", () => {
  for (const name of ['simple1', 'simple2']) {
    const bytes = readFileSync(join(dataFolder, 'format-fixtures/neuroglancer/mesh', name))
    const mesh = decodeMesh(bytes)
    expect([mesh.positions.length, mesh.triangles.length]).toEqual([12, 12])
    expect(Buffer.compare(encodeMesh(mesh), bytes)).toBe(0)
  }
})

test('a skeleton is what Neuroglancer reads', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(f32, f32, f32, f32), { minLength: 1, maxLength: 30 }),
      fc.array(fc.nat(), { maxLength: 40 }),
      (vertices, e) => {
        const positions = Float32Array.from(vertices.flatMap(v => v.slice(0, 3)))
        const radii = Float32Array.from(vertices, v => v[3])
        const edges = Uint32Array.from(e.slice(0, e.length - (e.length % 2)), v => v % radii.length)
        const bytes = encodeSkeleton({ positions, edges, radii })
        expect(decodeSkeleton(bytes)).toEqual({ positions, edges, radii })
        const chunk: { vertexPositions?: Float32Array; indices?: Uint32Array; vertexAttributes?: Uint8Array[] } = {}
        const info = skeletonInfo() as unknown as { vertex_attributes: { id: string; num_components: number }[] }
        const attributes = new Map(
          info.vertex_attributes.map(a => [a.id, { dataType: DataType.FLOAT32, numComponents: a.num_components }]),
        )
        decodeSkeletonChunk(chunk as never, bytes.slice().buffer, attributes as never)
        expect(chunk.vertexPositions).toEqual(positions)
        expect(chunk.indices).toEqual(edges)
        expect(new Float32Array(chunk.vertexAttributes![0]!.slice().buffer)).toEqual(radii)
      },
    ),
  )
  expect(() => decodeSkeleton(new Uint8Array(9))).toThrow(RangeError)
  expect(() =>
    encodeSkeleton({ positions: new Float32Array(6), edges: new Uint32Array(0), radii: new Float32Array(1) }),
  ).toThrow(RangeError)
})

test('segment properties keep ids as decimal strings and one value per segment', () => {
  const few = { id: BigUint64Array.of(5n, 2n ** 63n + 1n), voxels: [1, 2], inputs: [3, 4] }
  expect(segmentTable(few)).toEqual({
    '@type': 'neuroglancer_segment_properties',
    inline: {
      ids: ['9223372036854775809', '5'],
      properties: [
        { id: 'voxels', type: 'number', data_type: 'float32', values: [2, 1] },
        { id: 'inputs', type: 'number', data_type: 'float32', values: [4, 3] },
      ],
    },
  })
  const table = segmentTable({
    id: BigUint64Array.of(7n, 2n ** 64n - 1n, 2n ** 53n + 1n),
    voxels: Float64Array.of(10, 30, 30),
    inputs: Uint32Array.of(1, 2, 3),
  }) as { inline: { ids: string[]; properties: { id: string; values: number[] }[] } }
  expect(table.inline.ids).toEqual(['9007199254740993', '18446744073709551615', '7'])
  expect(table.inline.properties.map(p => [p.id, p.values])).toEqual([
    ['voxels', [30, 30, 10]],
    ['inputs', [3, 2, 1]],
  ])
})
