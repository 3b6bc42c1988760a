// Any decomposition, the same bytes: shape of the regions and number of threads change nothing in the segmentation and what is counted in it.
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, expect, test } from 'vitest'
import { readVolume, segmentationVolume } from '../../../activities/cells.ts'
import { cellsIn, type Vec3 } from '../../../domain/geometry.ts'
import type { Release } from '../../../domain/release.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { decodeArrays } from '../../../storage/formats/arrays.ts'
import { Hillock, TINY } from '../harness.ts'

const one = new Hillock({ HILLOCK_THREADS: '1', HILLOCK_ONNX_THREADS: '1' })
const four = new Hillock({ HILLOCK_THREADS: '4', HILLOCK_ONNX_THREADS: '2' })
afterAll(() => Promise.all([one.close(), four.close()]), 60_000)
const bucket = join(one.home, 'bucket')
const artifacts = artifactStore(fileStore(bucket))
const show = (release: string): Promise<Release> => one.json<Release>('release', 'show', release)
const TABLES = ['contacts', 'edges', 'edges-by-post', 'synapses', 'synapses-by-pre', 'synapses-by-post']
let first: Release

test('regions of other shapes, one thread and four', async () => {
  const a = await one.fromTiny()
  const b = await one.run(TINY, 'grid.region=[128, 64, 64]')
  expect(b.layerDigests['segmentation']).toBe(a.layerDigests['segmentation'])
  expect(b.layerDigests['em']).toBe(a.layerDigests['em'])
  first = await show(a.release)
  const [these, those] = await Promise.all(
    [first, await show(b.release)].map(async r => (await artifacts.open(r.layers.graph!.artifacts!['all']!)).outputs),
  )
  for (const table of TABLES) {
    const digest = these!.find(o => o.path === `${table}.parquet`)!.sha256
    expect(those!.find(o => o.path === `${table}.parquet`)!.sha256, table).toBe(digest)
  }
  const c = await four.run(TINY)
  expect(c.digest).toBe(a.digest)
  expect(c.release).toBe(a.release)
}, 400_000)

test('tables, as DuckDB reads them, say what is in the volumes', async () => {
  const { bounds, regionShape, layers, stages, voxelSizeNm: nm } = first
  const context = { bounds, region: regionShape }
  const volume = await readVolume(
    { artifacts } as never,
    { context } as never,
    layers.segmentation!.regions!,
    segmentationVolume,
    bounds,
  )
  const [sx, sy] = bounds.max
  const voxelsOf = new Map<bigint, Vec3[]>()
  const faces = new Map<string, [number, number, number]>()
  for (const v of cellsIn(bounds, [1, 1, 1])) {
    const i = v[0] + sx * (v[1] + sy * v[2])
    const id = volume[i]!
    if (id === 0n) continue
    const own = voxelsOf.get(id)
    if (own) own.push(v)
    else voxelsOf.set(id, [v])
    for (const [axis, step] of [1, sx, sx * sy].entries()) {
      const other = v[axis]! > 0 ? volume[i - step]! : 0n
      if (other === 0n || other === id) continue
      for (const pair of [`${id} ${other}`, `${other} ${id}`]) {
        const counts = faces.get(pair) ?? [0, 0, 0]
        counts[axis]!++
        faces.set(pair, counts)
      }
    }
  }
  const instance = await DuckDBInstance.create(':memory:')
  const db = await instance.connect()
  const rows = async (sql: string): Promise<Record<string, unknown>[]> => (await db.runAndReadAll(sql)).getRowObjects()
  const table = (name: string): string =>
    `'${join(bucket, 'artifacts/graph', layers.graph!.artifacts!['all']!.recipe, `${name}.parquet`)}'`

  const segments = await rows(`SELECT * FROM ${table('segments')}`)
  expect(segments.length).toBe(voxelsOf.size)
  for (const s of segments) {
    const voxels = voxelsOf.get(s['segment'] as bigint)!
    expect(s['voxels']).toBe(BigInt(voxels.length))
    for (const [a, axis] of ['x', 'y', 'z'].entries()) {
      const along = voxels.map(v => v[a]!)
      expect(s[`${axis}_min`]).toBe(along.reduce((p, q) => Math.min(p, q)))
      expect(s[`${axis}_max`]).toBe(along.reduce((p, q) => Math.max(p, q)))
      expect(s[axis]).toBeCloseTo(along.reduce((p, q) => p + q) / along.length, 9)
    }
  }
  expect(segments.some(s => (s['skeleton_nm'] as number) > 500 && (s['skeleton_nodes'] as number) > 2)).toBe(true)

  const contacts = await rows(`SELECT * FROM ${table('contacts')}`)
  expect(contacts.length).toBe(faces.size)
  for (const c of contacts) {
    const [x, y, z] = faces.get(`${String(c['segment'])} ${String(c['neighbour'])}`)!
    expect([c['faces_x'], c['faces_y'], c['faces_z']].map(Number)).toEqual([x, y, z])
    expect(c['area_nm2']).toBeCloseTo(x * nm[1] * nm[2] + y * nm[0] * nm[2] + z * nm[0] * nm[1], 3)
  }

  const pairs = new Map<string, number>()
  for (const ref of stages!['synapse']!) {
    const bytes = await artifacts.get(ref, 'synapses.bin')
    const { pre, post } = decodeArrays(bytes) as unknown as Record<'pre' | 'post', BigUint64Array>
    pre.forEach((p, i) => pairs.set(`${p} ${post[i]}`, (pairs.get(`${p} ${post[i]}`) ?? 0) + 1))
  }
  for (const name of ['edges', 'edges-by-post']) {
    const edges = await rows(`SELECT * FROM ${table(name)}`)
    expect(new Map(edges.map(e => [`${String(e['pre'])} ${String(e['post'])}`, e['count']]))).toEqual(pairs)
  }
  const [sums] = await rows(
    `SELECT (SELECT sum(n_pre) FROM ${table('segments')}) AS pre, (SELECT sum(n_post) FROM ${table('segments')}) AS post, (SELECT count(DISTINCT id) FROM ${table('synapses')}) AS synapses`,
  )
  const total = [...pairs.values()].reduce((p, q) => p + q, 0)
  expect(total).toBeGreaterThan(0)
  expect(Object.values(sums!).map(Number)).toEqual([total, total, total])
  // Readers prune by the bounds of row groups, as unsigned numbers.
  const [bounded] = await rows(
    `SELECT stats_min_value AS least, stats_max_value AS most FROM parquet_metadata(${table('segments')}) WHERE path_in_schema = 'segment'`,
  )
  const ids = [...voxelsOf.keys()].sort((p, q) => (p < q ? -1 : 1))
  expect(bounded).toEqual({ least: String(ids[0]), most: String(ids.at(-1)) })
}, 60_000)
