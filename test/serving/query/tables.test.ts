// Which objects a question about tables in ranges reads: those of its segments, never more than the server can take.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rangeName } from '../../../domain/index/grid.ts'
import type { ArtifactRef } from '../../../domain/lineage.ts'
import type { Release } from '../../../domain/release.ts'
import { engine } from '../../../serving/query/engine.ts'
import { filesOf } from '../../../serving/query/tables.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { writeParquet } from '../../../storage/formats/parquet.ts'
import { rangeOfId, tableFile } from '../../../storage/formats/precomputed/by-id.ts'

const OF = 4
const IDS = Array.from({ length: 100 }, (_, i) => BigInt(i + 1) << 33n)

const releaseOf = (artifacts: Record<string, ArtifactRef>): Release =>
  ({ dataset: 'd', release: 'r', layers: { graph: { artifacts } } }) as unknown as Release

test('a segment is looked for in the object of its range alone; a table without one in all, unless they are too many', async () => {
  const artifacts = artifactStore(fileStore(mkdtempSync(join(tmpdir(), 'hillock-ranges-'))))
  const refs: Record<string, ArtifactRef> = {}
  for (let range = 0; range < OF; range++) {
    const recipe = {
      stage: 'graph',
      version: 1,
      parameters: { range },
      model: null,
      inputs: {},
      extent: 'dataset',
      seed: 0,
    }
    const writer = artifacts.write(recipe as never)
    const data = BigUint64Array.from(IDS.filter(id => rangeOfId(id, OF) === range))
    await writer.put(tableFile('segments', range, OF), writeParquet([{ name: 'segment', data }]))
    const at = new Date(0).toISOString()
    const {
      stage,
      recipe: id,
      content,
    } = await writer.commit({
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
    refs[rangeName(range, OF)] = { stage, recipe: id, content }
  }
  const release = releaseOf(refs)
  const queries = engine({ artifacts })
  for (const id of IDS.slice(0, 12)) {
    const files = await filesOf(artifacts, release, 'segments', [id])
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
  await queries.close()
  const many = releaseOf(
    Object.fromEntries(Array.from({ length: 8192 }, (_, r) => [rangeName(r, 8192), refs['0_0_0']!])),
  )
  await expect(filesOf(artifacts, many, 'segments')).rejects.toMatchObject({ status: 422 })
  await expect(filesOf(artifacts, many, 'segments', [IDS[0]!])).resolves.toHaveLength(1)
})
