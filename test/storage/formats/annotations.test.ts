// Annotations: records as Neuroglancer reads them, every index of a collection complete, the spatial levels a fair sample.
import * as fc from 'fast-check'
import {
  AnnotationPropertySerializer,
  AnnotationType,
  annotationTypeHandlers,
} from 'neuroglancer/unstable/annotation/index.js'
import { describe, expect, it } from 'vitest'
import { encodeList, encodeOne, type Annotation } from '../../../storage/formats/annotations/records.ts'
import { AnnotationSchema, decodeList, decodeOne } from './decoders.ts'
import { spatialLevels } from '../../../storage/formats/annotations/spatial.ts'
import { synapseFiles, type SynapseLine } from '../../../storage/formats/annotations/synapses.ts'
import { mortonAxes, mortonCode } from '../../../storage/formats/precomputed/morton.ts'
import { shardReader, ShardingSpec } from '../../../storage/formats/precomputed/sharding.ts'

const f32 = fc.float({ noNaN: true, noDefaultInfinity: true })
const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n })
const bounds = { min: [0, 0, 0], max: [100, 90, 80] } as const
const nm = [8, 8, 40] as const

const schema = AnnotationSchema.parse({
  annotation_type: 'LINE',
  dimensions: { x: [1, 'nm'], y: [1, 'nm'], z: [1, 'nm'] },
  properties: [{ id: 'score', type: 'float32' }],
  relationships: [{ id: 'pre' }, { id: 'post' }],
})
const annotation: fc.Arbitrary<Annotation> = fc.record({
  id,
  geometry: fc.array(f32, { minLength: 6, maxLength: 6 }),
  score: f32,
  related: fc.tuple(id, id),
})

describe('records', () => {
  it('come back, in lists and one by one, and are what Neuroglancer reads', () => {
    const serializer = new AnnotationPropertySerializer(
      3,
      annotationTypeHandlers[AnnotationType.LINE].serializedBytes(3),
      schema.properties.map(p => ({ type: p.type, identifier: p.id, description: undefined, default: 0 })) as never,
    )
    fc.assert(
      fc.property(fc.array(annotation, { maxLength: 5 }), list => {
        const bytes = encodeList(list)
        expect(decodeList(schema, bytes)).toEqual(
          list.map(({ id, geometry, score }) => ({ id, geometry, properties: [score] })),
        )
        for (const a of list) {
          const one = encodeOne(a)
          const { score, ...rest } = a
          const related = a.related.map(id => [id])
          expect(decodeOne(schema, a.id, one)).toEqual({ ...rest, properties: [score], related })
          const view = new DataView(one.buffer)
          const line = annotationTypeHandlers[AnnotationType.LINE].deserialize(view, 0, true, 3, 'x') as unknown as {
            pointA: Float32Array
            pointB: Float32Array
          }
          const properties: number[] = []
          serializer.deserialize(view, 0, 0, 1, true, properties)
          expect([...line.pointA, ...line.pointB, ...properties]).toEqual([...a.geometry, a.score])
        }
        expect(() => decodeList(schema, bytes.subarray(1))).toThrow(RangeError)
      }),
    )
  })
})

const [bx, by, bz] = bounds.max.map(n => fc.float({ min: 0, max: n, noNaN: true }))
const inside = fc.tuple(bx!, by!, bz!)
const synapse: fc.Arbitrary<SynapseLine> = fc.record({
  id,
  pre: inside,
  post: inside,
  score: f32,
  preSegment: fc.constantFrom(1n, 2n ** 60n, 2n ** 64n - 1n),
  postSegment: fc.constantFrom(1n, 2n ** 60n, 2n ** 64n - 1n),
})

interface Index {
  key: string
  sharding: unknown
}

describe('synapses', () => {
  it('are found by id, by either segment and in space, in shards alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(synapse, { selector: s => s.id, maxLength: 60 }), async synapses => {
        const files = new Map([...synapseFiles(bounds, nm, synapses, 4)].map(f => [f.path, f.bytes]))
        const shuffled = [...synapseFiles(bounds, nm, synapses.toReversed(), 4)]
        for (const { path, bytes } of shuffled) expect(Buffer.compare(bytes, files.get(path)!)).toBe(0)
        for (const path of files.keys()) expect(path).toMatch(/^info$|^[a-z_]+\d*\/[\da-f]+\.shard$/)
        const info = JSON.parse(Buffer.from(files.get('info')!).toString()) as {
          by_id: Index
          relationships: Index[]
          spatial: (Index & { grid_shape: [number, number, number]; chunk_size: number[] })[]
        }
        const theirs = AnnotationSchema.parse(info)
        const reader = ({ key, sharding }: Index) =>
          shardReader(ShardingSpec.parse(sharding), async (file, offset, length) =>
            files.get(`${key}/${file}`)?.slice(offset, offset + length),
          )
        const shown = (s: SynapseLine): unknown => ({
          id: s.id,
          geometry: [...s.pre, ...s.post],
          properties: [s.score],
        })
        const byIdOrder = synapses.toSorted((a, b) => (a.id < b.id ? -1 : 1))
        for (const s of synapses) {
          const bytes = await reader(info.by_id).get(s.id)
          expect(decodeOne(theirs, s.id, bytes!)).toEqual({
            ...(shown(s) as object),
            related: [[s.preSegment], [s.postSegment]],
          })
        }
        for (const segment of [1n, 2n ** 60n, 2n ** 64n - 1n, 5n])
          for (const [i, of] of (['preSegment', 'postSegment'] as const).entries()) {
            const bytes = await reader(info.relationships[i]!).get(segment)
            const own = byIdOrder.filter(s => s[of] === segment)
            expect(bytes ? decodeList(theirs, bytes) : []).toEqual(own.map(shown))
          }
        const seen = new Set<bigint>()
        for (const level of info.spatial) {
          const axes = mortonAxes(level.grid_shape)
          const here = new Set<bigint>()
          const [gx, gy, gz] = level.grid_shape
          expect(level.chunk_size.map((c, a) => c * level.grid_shape[a]!)).toEqual(bounds.max)
          for (let z = 0; z < gz; z++)
            for (let y = 0; y < gy; y++)
              for (let x = 0; x < gx; x++) {
                const bytes = await reader(level).get(mortonCode(axes, [x, y, z]))
                for (const a of bytes ? decodeList(theirs, bytes) : []) here.add(a.id)
              }
          for (const i of here) {
            if (seen.has(i)) throw new Error(`${i} is in two levels`)
            seen.add(i)
          }
        }
        expect(seen.size).toBe(synapses.length)
      }),
      { numRuns: 15 },
    )
  })
})

describe('spatialLevels', () => {
  const lines = (n: number, at: (i: number) => number[]): Annotation[] =>
    Array.from({ length: n }, (_, i) => ({ id: BigInt(i + 1), geometry: at(i), score: 0, related: [] }))
  const spread = (i: number, k: number, most: number): number => (((i + 1) * k) % 9973) * (most / 9973)

  it('draws about the limit at each level, and the same ones whatever lies elsewhere', () => {
    const all = lines(6000, i => {
      const p = [spread(i, 17, 100), spread(i, 331, 90), spread(i, 7919, 80)]
      return [...p, ...p]
    })
    const levels = spatialLevels(bounds, nm, all, 500)
    expect(levels.length).toBeGreaterThan(2)
    const counts = levels.map(l => Math.max(...l.cells.map(c => c.list.length)))
    for (const n of counts.slice(0, -1)) expect(Math.abs(n - 500)).toBeLessThan(100)
    expect(counts.at(-1)).toBeLessThanOrEqual(500)
    const ids = levels.flatMap(l => l.cells.flatMap(c => c.list.map(a => a.id)))
    expect(new Set(ids).size).toBe(6000)
    // A first part of a list is spread over the whole cell.
    const first = levels[0]!.cells[0]!.list.slice(0, 100)
    const mean = first.reduce((s, a) => s + a.geometry[0]!, 0) / 100
    expect(Math.abs(mean - 50)).toBeLessThan(10)
    // Cells are divided where they are longest in nm: z first, of 80 x 40 nm.
    expect(levels[1]!.gridShape).toEqual([1, 1, 2])
  })

  it('puts a line in every cell that it touches, and ends where all lie in one place', () => {
    const long = lines(40, () => [1, 1, 1, 99, 89, 79])
    const levels = spatialLevels(bounds, nm, long, 3)
    for (const { gridShape, chunkSize, cells } of levels)
      for (const a of long) {
        const holding = cells.filter(c => c.list.includes(a)).map(c => c.cell.join())
        if (holding.length === 0) continue
        const touched = new Set<string>()
        for (let t = 0; t <= 20_000; t++) {
          const p = [0, 1, 2].map(k => a.geometry[k]! + (t / 20_000) * (a.geometry[k + 3]! - a.geometry[k]!))
          touched.add(p.map((c, k) => Math.min(gridShape[k]! - 1, Math.floor(c / chunkSize[k]!))).join())
        }
        for (const cell of touched) expect(holding).toContain(cell)
        expect(holding.length).toBeLessThan(touched.size + 12)
        break
      }
    const heap = spatialLevels(
      bounds,
      nm,
      lines(50, () => [3, 3, 3, 3, 3, 3]),
      2,
    )
    expect(Math.max(...heap.at(-1)!.chunkSize)).toBeLessThanOrEqual(4)
    expect(heap.flatMap(l => l.cells.flatMap(c => c.list)).length).toBe(50)
    expect(spatialLevels(bounds, nm, [], 2)).toEqual([
      { gridShape: [1, 1, 1], chunkSize: [100, 90, 80], limit: 1, cells: [] },
    ])
  })
})
