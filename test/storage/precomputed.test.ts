// Precomputed info, meshes, skeletons, annotations and segment properties, read by Neuroglancer's own code.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import {
  AnnotationPropertySerializer,
  AnnotationType,
  annotationTypeHandlers,
} from 'neuroglancer/unstable/annotation/index.js'
// @ts-expect-error: the package has no types for its workers
import * as backend from 'neuroglancer/unstable/datasource/precomputed/backend.js'
import { decodeSkeletonChunk } from 'neuroglancer/unstable/skeleton/decode_precomputed_skeleton.js'
import { DataType } from 'neuroglancer/unstable/util/data_type.js'
import { expect, test } from 'vitest'
import { annotationFiles, annotationInfo, type SynapseLine } from '../../storage/formats/annotations.ts'
import { decodeMesh, encodeMesh, meshInfo, meshManifest, meshManifestName } from '../../storage/formats/mesh-legacy.ts'
import { PrecomputedInfo, volumeInfo } from '../../storage/formats/precomputed/info.ts'
import { ShardingSpec } from '../../storage/formats/precomputed/sharding.ts'
import { segmentProperties } from '../../storage/formats/segment-properties.ts'
import { decodeSkeleton, encodeSkeleton, skeletonInfo } from '../../storage/formats/skeleton.ts'
import { dataFolder, hasData } from './fixtures.ts'

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

test('synapses are line annotations that Neuroglancer reads, in every index', () => {
  const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n })
  const point = fc.tuple(f32, f32, f32)
  const segment = fc.constantFrom(1n, 2n ** 60n, 2n ** 64n - 1n)
  const synapse = fc.record({ id, pre: point, post: point, score: f32, preSegment: segment, postSegment: segment })
  const serializer = new AnnotationPropertySerializer(
    3,
    annotationTypeHandlers[AnnotationType.LINE].serializedBytes(3),
    [{ type: 'float32', identifier: 'score', description: undefined, default: 0 }] as never,
  )
  const readOne = (view: DataView, at: number, name: string): unknown => {
    const a = annotationTypeHandlers[AnnotationType.LINE].deserialize(view, at, true, 3, name) as unknown as {
      pointA: Float32Array
      pointB: Float32Array
    }
    const properties: number[] = []
    serializer.deserialize(view, at, 0, 1, true, properties)
    return { id: name, pre: [...a.pointA], post: [...a.pointB], score: properties[0] }
  }
  const shown = (s: SynapseLine): unknown => ({ id: String(s.id), pre: s.pre, post: s.post, score: s.score })
  fc.assert(
    fc.property(fc.uniqueArray(synapse, { selector: s => s.id, maxLength: 8 }), synapses => {
      const files = new Map([...annotationFiles(synapses)].map(f => [f.key, f.bytes]))
      const list = (path: string): unknown[] => {
        const bytes = files.get(path)!
        const view = new DataView(bytes.buffer)
        const n = Number(view.getBigUint64(0, true))
        expect(bytes.length).toBe(8 + n * (serializer.serializedBytes + 8))
        const ids = 8 + n * serializer.serializedBytes
        return Array.from({ length: n }, (_, i) =>
          readOne(view, 8 + i * serializer.serializedBytes, String(view.getBigUint64(ids + 8 * i, true))),
        )
      }
      expect(list('spatial0/0_0_0')).toEqual(synapses.map(shown))
      for (const s of [1n, 2n ** 60n, 2n ** 64n - 1n])
        for (const [index, of] of [
          ['by_pre', 'preSegment'],
          ['by_post', 'postSegment'],
        ] as const) {
          const own = synapses.filter(x => x[of] === s)
          if (own.length === 0) expect(files.has(`${index}/${s}`)).toBe(false)
          else expect(list(`${index}/${s}`)).toEqual(own.map(shown))
        }
      for (const s of synapses) {
        const view = new DataView(files.get(`by_id/${s.id}`)!.buffer)
        expect(readOne(view, 0, String(s.id))).toEqual(shown(s))
        const at = serializer.serializedBytes
        expect([view.getUint32(at, true), view.getBigUint64(at + 4, true)]).toEqual([1, s.preSegment])
        expect([view.getUint32(at + 12, true), view.getBigUint64(at + 16, true)]).toEqual([1, s.postSegment])
        expect(view.byteLength).toBe(at + 24)
      }
    }),
  )
  const info = annotationInfo({ min: [0, 0, 0], max: [100, 90, 80] }, [8, 8, 40], 3)
  expect(info).toMatchObject({
    '@type': 'neuroglancer_annotations_v1',
    annotation_type: 'LINE',
    upper_bound: [100, 90, 80],
    spatial: [{ grid_shape: [1, 1, 1], chunk_size: [100, 90, 80], limit: 3 }],
  })
})

test('segment properties keep ids as decimal strings and one value per segment', () => {
  const ids = [2n ** 63n + 1n, 5n]
  const info = segmentProperties(ids, [
    { id: 'label', type: 'label', values: ['a', 'b'] },
    { id: 'voxels', type: 'number', dataType: 'uint32', values: [1, 2] },
    { id: 'tags', type: 'tags', tags: ['axon', 'soma'], values: [[1, 0], []] },
  ])
  expect(info).toEqual({
    '@type': 'neuroglancer_segment_properties',
    inline: {
      ids: ['9223372036854775809', '5'],
      properties: [
        { id: 'label', type: 'label', values: ['a', 'b'] },
        { id: 'voxels', type: 'number', data_type: 'uint32', values: [1, 2] },
        { id: 'tags', type: 'tags', tags: ['axon', 'soma'], values: [[0, 1], []] },
      ],
    },
  })
  expect(() => segmentProperties(ids, [{ id: 'label', type: 'label', values: ['a'] }])).toThrow(/label has 1 values/)
})
