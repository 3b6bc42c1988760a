// Tables and annotations in ranges: their union is the same however many ranges there are, and each row is where a reader looks for it.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { writeTables } from '../../activities/objects/graph.ts'
import { arrays } from '../../activities/segmentation/agglomerate.ts'
import type { Refs } from '../../domain/contract/artifacts.ts'
import { cellBox, cellsIn, key, type Vec3 } from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import { regionsNear } from '../../storage/formats/annotations/synapse-ranges.ts'
import { readParquet } from '../../storage/formats/parquet.ts'
import { rangeOfFile, rangeOfId, shardingById, tableFile, tableOf } from '../../storage/formats/precomputed/by-id.ts'
import { mortonAxes, mortonCode } from '../../storage/formats/precomputed/morton.ts'
import { shardReader, ShardingSpec, writeShard } from '../../storage/formats/precomputed/sharding.ts'
import { encodeSkeleton, skeletonInfo } from '../../storage/formats/skeleton.ts'
import { attempt, memoryStore, recipeOf } from '../storage/fixtures.ts'
import { AnnotationSchema, decodeList, decodeOne, type Found } from '../storage/formats/decoders.ts'

const REGION: Vec3 = [64, 64, 64]
const SHAPE: Vec3 = [320, 260, 300]
const BOUNDS = { min: [0, 0, 0] as Vec3, max: SHAPE }
const NM: Vec3 = [40, 40, 40]
const SEGMENTS = Array.from({ length: 24 }, (_, i) => 2n ** 53n + BigInt(i) * 977n)

/** Anywhere along an axis, and near the border of the cells that ranges own. */
const along = (a: 0 | 1 | 2): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min: 0, max: 10 * SHAPE[a] - 1 }), fc.integer({ min: 2400, max: 2599 })).map(v => v / 10)
const synapse = fc.record({
  x: along(0),
  y: along(1),
  z: along(2),
  pre: fc.constantFrom(...SEGMENTS),
  post: fc.constantFrom(...SEGMENTS),
  size: fc.nat(2000),
  score: fc.integer({ min: 0, max: 1000 }).map(v => Math.fround(v / 1000)),
  reach: fc.integer({ min: -30, max: 30 }),
})
type Synapse = typeof synapse extends fc.Arbitrary<infer R> ? R : never

let made = 0
async function artifact(artifacts: ArtifactStore, files: Readonly<Record<string, Uint8Array>>): Promise<ArtifactRef> {
  const writer = artifacts.write(recipeOf(made++))
  for (const [path, bytes] of Object.entries(files)) await writer.put(path, bytes)
  return writer.commit(attempt)
}

const clipped = (v: number, a: number): number => Math.min(SHAPE[a]! - 1, Math.max(0, v))
const tableOfRegion = (rows: readonly Synapse[]): object => {
  const column = (of: (s: Synapse) => number): Float64Array => Float64Array.from(rows, of)
  return {
    pre: BigUint64Array.from(rows, s => s.pre),
    post: BigUint64Array.from(rows, s => s.post),
    x: column(s => s.x),
    y: column(s => s.y),
    z: column(s => s.z),
    preX: column(s => s.x),
    preY: column(s => s.y),
    preZ: column(s => clipped(s.z + s.reach, 2)),
    postX: column(s => clipped(s.x + s.reach, 0)),
    postY: column(s => s.y),
    postZ: column(s => s.z),
    size: Uint32Array.from(rows, s => s.size),
    score: Float32Array.from(rows, s => s.score),
  }
}

/** What regions hold, where every segment has some voxels in three of them and touches the next one there. */
async function specimen(artifacts: ArtifactStore, rows: readonly Synapse[]) {
  const synapses: Record<string, ArtifactRef> = {}
  const regions: Record<string, ArtifactRef> = {}
  for (const [i, coord] of cellsIn(BOUNDS, REGION).entries()) {
    const { min, max } = cellBox(coord, REGION, BOUNDS)
    const inside = rows.filter(s => [s.x, s.y, s.z].every((v, a) => v >= min[a]! && v < max[a]!))
    synapses[key(coord)] = await artifact(artifacts, { 'synapses.bin': arrays(tableOfRegion(inside)) })
    const held = SEGMENTS.filter((_, s) => s % 8 === i % 8)
    const all = (of: (s: bigint) => number | bigint): BigUint64Array => BigUint64Array.from(held, s => BigInt(of(s)))
    const corner = (v: number): Uint32Array => Uint32Array.from(held, () => v)
    const segments = {
      id: all(s => s),
      voxels: all(s => (s % 7n) + 1n),
      xMin: corner(min[0]),
      yMin: corner(min[1]),
      zMin: corner(min[2]),
      xMax: corner(max[0] - 1),
      yMax: corner(max[1] - 1),
      zMax: corner(max[2] - 1),
      xSum: all(() => i),
      ySum: all(() => 2 * i),
      zSum: all(() => 3 * i),
    }
    const b = all(s => SEGMENTS[(SEGMENTS.indexOf(s) + 1) % SEGMENTS.length]!)
    const contacts = { a: all(s => s), b, x: all(() => 1), y: all(() => 0), z: all(() => i) }
    regions[key(coord)] = await artifact(artifacts, {
      'segments.bin': arrays(segments),
      'contacts.bin': arrays(contacts),
    })
  }
  return { synapses, regions }
}

/** The skeletons of every range: a line as long as the segment's number says, none of the first segment. */
async function skeletonsOf(artifacts: ArtifactStore, of: number): Promise<ArtifactRef[]> {
  const sharding = shardingById(SEGMENTS.length, 1, 1, 'gzip', of)
  const entries = SEGMENTS.slice(1).map((id, i) => ({
    id,
    bytes: encodeSkeleton({
      positions: Float32Array.of(0, 0, 0, 0, i + 1, 0),
      edges: Uint32Array.of(0, 1),
      radii: Float32Array.of(1, 1),
    }),
  }))
  const shards = writeShard(sharding, entries)
  const out: ArtifactRef[] = []
  for (let range = 0; range < of; range++) {
    const own = [...shards].filter(([file]) => rangeOfFile(file, of) === range)
    const info = range === 0 ? { info: Buffer.from(JSON.stringify(skeletonInfo(sharding))) } : {}
    out.push(await artifact(artifacts, { ...Object.fromEntries(own), ...info }))
  }
  return out
}

type Row = Readonly<Record<string, unknown>>
const SORTED: Readonly<Record<string, readonly string[]>> = {
  segments: ['segment'],
  contacts: ['segment', 'neighbour'],
  edges: ['pre', 'post'],
  'edges-by-post': ['post', 'pre'],
  'synapses-by-pre': ['pre_segment', 'post_segment', 'id'],
  'synapses-by-post': ['post_segment', 'pre_segment', 'id'],
}

async function rowsOf(bytes: Uint8Array): Promise<Row[]> {
  const columns = await readParquet(bytes)
  return [...columns[0]!.data.keys()].map(i => Object.fromEntries(columns.map(c => [c.name, c.data[i]])))
}
const text = (row: Row): string => JSON.stringify(row, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))

/** What a viewer reads of a collection. */
async function collection(files: ReadonlyMap<string, Uint8Array>, rows: readonly Row[]) {
  const info = JSON.parse(Buffer.from(files.get('synapses/info')!).toString()) as {
    by_id: { key: string; sharding: unknown }
    relationships: { key: string; sharding: unknown }[]
    spatial: { key: string; sharding: unknown; grid_shape: Vec3; chunk_size: Vec3 }[]
  }
  const schema = AnnotationSchema.parse(info)
  const reader = ({ key, sharding }: { key: string; sharding: unknown }) =>
    shardReader(ShardingSpec.parse(sharding), async (file, offset, length) =>
      files.get(`synapses/${key}/${file}`)?.slice(offset, offset + length),
    )
  const byId = new Map<bigint, Found>()
  for (const id of rows.map(r => r['id'] as bigint))
    byId.set(id, decodeOne(schema, id, (await reader(info.by_id).get(id))!))
  const related: Record<string, bigint[]> = {}
  for (const [i, index] of info.relationships.entries())
    for (const s of SEGMENTS) {
      const bytes = await reader(index).get(s)
      related[`${i} ${s}`] = bytes ? decodeList(schema, bytes).map(a => a.id) : []
    }
  /** Level of each, and whether it is in every cell of it that it goes through. */
  const levels = new Map<bigint, number>()
  for (const [l, level] of info.spatial.entries()) {
    const axes = mortonAxes(level.grid_shape)
    const cells = new Map<bigint, Set<string>>()
    for (const cell of cellsIn({ min: [0, 0, 0], max: level.grid_shape }, [1, 1, 1])) {
      const bytes = await reader(level).get(mortonCode(axes, cell))
      for (const a of bytes ? decodeList(schema, bytes) : [])
        cells.set(a.id, (cells.get(a.id) ?? new Set()).add(key(cell)))
    }
    for (const [id, found] of cells) {
      expect(levels.has(id)).toBe(false)
      levels.set(id, l)
      const g = byId.get(id)!.geometry
      for (let t = 0; t <= 8; t++) {
        const p = [0, 1, 2].map(a => Math.floor((g[a]! + (t / 8) * (g[a + 3]! - g[a]!)) / level.chunk_size[a]!))
        expect(found).toContain(p.join('_'))
      }
    }
  }
  expect(levels.size).toBe(rows.length)
  return { byId, related, levels: info.spatial.length }
}

it('gives the same rows, annotations and look-ups from one range as from several', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(synapse, { minLength: 30, maxLength: 60 }), async rows => {
      const artifacts = artifactStore(memoryStore())
      const { synapses, regions } = await specimen(artifacts, rows)
      const context = { bounds: BOUNDS, region: REGION, voxelSizeNm: NM }
      const compute = (async (f: (...args: unknown[]) => unknown, args: unknown[]) => f(...args)) as never
      const unions: Record<string, string[]>[] = []
      const shown: unknown[] = []
      // Tables need not lie in as many ranges as skeletons.
      for (const [of, joins] of [
        [1, 1],
        [2, 2],
        [8, 8],
        [8, 2],
        [1, 4],
      ] as const) {
        const skeletons = await skeletonsOf(artifacts, joins)
        const files = new Map<string, Uint8Array>()
        const union: Record<string, Row[]> = {}
        for (let range = 0; range < of; range++) {
          const put = async (path: string, bytes: Uint8Array): Promise<void> => {
            expect(files.has(path)).toBe(false)
            expect(rangeOfFile(path, of)).toBe(range)
            files.set(path, bytes)
          }
          const where = { range, of, bounds: BOUNDS, region: REGION }
          const read = {
            synapses: { synapse: synapses as Refs },
            segments: { measure: regions },
            contacts: { measure: regions },
            near:
              of === 1 ? {} : Object.fromEntries(regionsNear(where).map(n => [key(n.coord), synapses[key(n.coord)]!])),
            skeletons: Object.fromEntries(
              [...skeletons.entries()].filter(([i]) => (i - range) % Math.min(of, joins) === 0),
            ),
            withInfo: skeletons[0]!,
          }
          await writeTables({ artifacts, compute }, { range, of, context }, read, put)
          for (const [table, keys] of Object.entries({ ...SORTED, synapses: [] })) {
            const found = await rowsOf(files.get(tableFile(table, range, of))!)
            union[table] = [...(union[table] ?? []), ...found]
            const first = keys[0]
            if (first === undefined) continue
            for (const r of found) expect(rangeOfId(r[first] as bigint, of)).toBe(range)
            const order = found.map(r => keys.map(k => r[k] as bigint))
            expect(order).toEqual(
              order.toSorted((p, q) => {
                const k = p.findIndex((v, i) => v !== q[i])
                return p[k]! < q[k]! ? -1 : 1
              }),
            )
          }
        }
        for (const path of files.keys()) if (path.endsWith('.parquet')) expect(tableOf(path)! in union).toBe(true)
        expect(union['synapses']!.length).toBe(rows.length)
        unions.push(Object.fromEntries(Object.entries(union).map(([t, r]) => [t, r.map(text).sort()])))
        const { levels, ...same } = await collection(files, union['synapses']!)
        expect(of === 1 || levels > 1).toBe(true)
        shown.push(same)
      }
      for (const union of unions) expect(union).toEqual(unions[0])
      for (const side of ['pre', 'post']) expect(unions[0]![`synapses-by-${side}`]).toEqual(unions[0]!['synapses'])
      expect(unions[0]!['edges-by-post']).toEqual(unions[0]!['edges'])
      for (const collection of shown) expect(collection).toEqual(shown[0])
      const segments = unions[0]!['segments']!.map(r => JSON.parse(r) as Record<string, number | string>)
      expect(segments.length).toBe(SEGMENTS.length)
      for (const s of segments) {
        const i = SEGMENTS.indexOf(BigInt(s['segment']!))
        expect([s['skeleton_nm'], s['skeleton_nodes']]).toEqual([i, i === 0 ? 0 : 2])
        expect(s['n_pre']).toBe(rows.filter(r => r.pre === SEGMENTS[i]).length)
        expect(s['n_upstream']).toBe(new Set(rows.filter(r => r.post === SEGMENTS[i]).map(r => r.pre)).size)
      }
    }),
    { numRuns: 5 },
  )
})
