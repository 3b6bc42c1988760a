// Which objects a question about tables in ranges reads: those of its segments, never more than the server can take.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { boxAt, cellsIn, map3, type Vec3 } from '../../../domain/geometry.ts'
import { rangeName } from '../../../domain/index/grid.ts'
import type { ArtifactRef } from '../../../domain/lineage.ts'
import type { Release } from '../../../domain/release.ts'
import { engine } from '../../../serving/query/engine.ts'
import { filesOf } from '../../../serving/query/tables.ts'
import { artifactStore, type ArtifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { rangeOfRegion } from '../../../storage/formats/annotations/synapse-ranges.ts'
import { writeParquet } from '../../../storage/formats/parquet.ts'
import { rangeOfId, tableFile } from '../../../storage/formats/precomputed/by-id.ts'

const OF = 4
const IDS = Array.from({ length: 100 }, (_, i) => BigInt(i + 1) << 33n)

const releaseOf = (artifacts: Record<string, ArtifactRef>): Release =>
  ({ dataset: 'd', release: 'r', layers: { graph: { artifacts } } }) as unknown as Release

const store = () => artifactStore(fileStore(mkdtempSync(join(tmpdir(), 'hillock-ranges-'))))

/** A release whose ranges hold one table each, of the columns that `rows` gives for it. */
async function inRanges(
  artifacts: ArtifactStore,
  table: string,
  rows: (range: number) => Parameters<typeof writeParquet>[0],
): Promise<Record<string, ArtifactRef>> {
  const refs: Record<string, ArtifactRef> = {}
  for (let range = 0; range < OF; range++) {
    const parameters = { range, table }
    const recipe = { stage: 'graph', version: 1, parameters, model: null, inputs: {}, extent: 'dataset', seed: 0 }
    const writer = artifacts.write(recipe as never)
    await writer.put(tableFile(table, range, OF), writeParquet(rows(range)))
    const at = new Date(0).toISOString()
    const made = await writer.commit({
      codeRevision: 'test',
      runtime: { node: process.version, onnxruntime: null, provider: null, cpu: 'test' },
      workflowId: 'test',
      runId: 'test',
      attempt: 1,
      start: at,
      end: at,
      voxels: 0,
      cost: 0,
      seconds: { kernel: 0, inference: 0, io: 0 },
      summary: {},
    })
    refs[rangeName(range, OF)] = { stage: made.stage, recipe: made.recipe, content: made.content }
  }
  return refs
}

test('a segment is looked for in the object of its range alone; a table without one in all, unless they are too many', async () => {
  const artifacts = store()
  const refs = await inRanges(artifacts, 'segments', range => [
    { name: 'segment', data: BigUint64Array.from(IDS.filter(id => rangeOfId(id, OF) === range)) },
  ])
  const release = releaseOf(refs)
  const queries = engine({ artifacts })
  for (const id of IDS.slice(0, 12)) {
    const files = await filesOf(artifacts, release, { table: 'segments', segments: [id] })
    expect(files.map(f => f.path)).toEqual([tableFile('segments', rangeOfId(id, OF), OF)])
    const { rows } = await queries.rows({
      release,
      from: { s: { table: 'segments', segments: [id] } },
      sql: `SELECT segment FROM s WHERE segment = ${id}::UBIGINT`,
    })
    expect(rows).toEqual([{ segment: id }])
  }
  const all = await queries.rows({ release, from: { s: { table: 'segments' } }, sql: 'SELECT count(*) AS n FROM s' })
  expect(all.rows).toEqual([{ n: 100n }])
  // Local copies are fetched again when somebody has cleared their folder.
  rmSync(queries.cache.folder, { recursive: true })
  const again = await queries.rows({ release, from: { s: { table: 'segments' } }, sql: 'SELECT count(*) AS n FROM s' })
  expect(again.rows).toEqual(all.rows)
  await queries.close()
  const many = releaseOf(
    Object.fromEntries(Array.from({ length: 8192 }, (_, r) => [rangeName(r, 8192), refs['0_0_0']!])),
  )
  await expect(filesOf(artifacts, many, { table: 'segments' })).rejects.toMatchObject({ status: 422 })
  await expect(filesOf(artifacts, many, { table: 'segments', segments: [IDS[0]!] })).resolves.toHaveLength(1)
})

test('synapses of a box are looked for in the objects of the ranges that own it', async () => {
  const region: Vec3 = [64, 64, 64]
  const bounds = boxAt([0, 0, 0], [1024, 512, 512])
  const grid = { of: OF, bounds, region }
  // One in every region.
  const points = cellsIn(bounds, region).map(cell => map3(a => cell[a] * 64 + 32))
  const artifacts = store()
  const refs = await inRanges(artifacts, 'synapses', range => {
    const own = points.filter(
      p =>
        rangeOfRegion(
          map3(a => Math.floor(p[a] / 64)),
          grid,
        ) === range,
    )
    return ['x', 'y', 'z'].map((name, a) => ({ name, data: Float64Array.from(own, p => p[a]!) }))
  })
  const release = { ...releaseOf(refs), bounds, regionShape: region }
  const queries = engine({ artifacts })
  const whole = (await filesOf(artifacts, release, { table: 'synapses', box: bounds })).length
  expect(whole).toBe(OF)
  for (const [box, files] of [
    [boxAt([32, 32, 32], [1, 1, 1]), 1],
    [boxAt([255, 255, 255], [1, 1, 1]), 1],
    [boxAt([255, 0, 0], [2, 2, 2]), 2],
    [boxAt([100, 300, 20], [700, 100, 100]), 2],
    [boxAt([5000, 0, 0], [1, 1, 1]), 1],
  ] as const) {
    const use = { table: 'synapses', box } as const
    expect((await filesOf(artifacts, release, use)).length, JSON.stringify(box)).toBe(files)
    const within = ['x', 'y', 'z'].map((n, a) => `${n} >= ${box.min[a]} AND ${n} < ${box.max[a]}`).join(' AND ')
    const sql = `SELECT x, y, z FROM s WHERE ${within} ORDER BY z, y, x`
    const { rows } = await queries.rows({ release, from: { s: use }, sql })
    const there = points.filter(p => p.every((v, a) => v >= box.min[a]! && v < box.max[a]!))
    expect(rows).toEqual(there.map(([x, y, z]) => ({ x, y, z })))
  }
  await queries.close()
})
