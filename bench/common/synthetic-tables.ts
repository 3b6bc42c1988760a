// Tables of a synthetic release of so many synapses, in ranges as the stage graph lays them out, written by DuckDB into a bucket; run as a process of its own.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { boxAt, cellBox, type Vec3 } from '../../domain/geometry.ts'
import { rangeName } from '../../domain/index/grid.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { Release } from '../../domain/release.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { fileStore } from '../../storage/file-store.ts'
import { rangeOfRegion } from '../../storage/formats/annotations/synapse-ranges.ts'
import { writeParquet } from '../../storage/formats/parquet.ts'
import { rangeOfId, tableFile } from '../../storage/formats/precomputed/by-id.ts'
import { putRelease } from '../../storage/releases.ts'

const at = new Date(0).toISOString()
/** What a record says that nobody looks at. */
export const nothing = {
  codeRevision: 'bench',
  runtime: { node: process.version, onnxruntime: null, provider: null, cpu: 'bench' },
  workflowId: 'bench',
  runId: 'bench',
  attempt: 1,
  start: at,
  end: at,
  voxels: 0,
  cost: 0,
  seconds: { kernel: 0, inference: 0, io: 0 },
  summary: {},
}

/** Of a segment, about; so many synapses go to each partner. */
const SYNAPSES = 50
const PARTNERS = 15
const REGION: Vec3 = [512, 512, 512]
/** Voxels along a side of the box that a range owns in the table that lies by place. */
const SIDE = 4 * REGION[0]

export const segmentsOf = (synapses: number): number => Math.ceil(synapses / SYNAPSES)
/** The id of a segment by its number. */
export const idOf = (g: number): bigint => (BigInt(g + 1) << 22n) + BigInt(g % 1013)
const idSql = (g: string): string => `(((${g} + 1)::UBIGINT << 22) + (${g} % 1013)::UBIGINT)`

/** Whether the table that lies by place is made too: a box reads one range of it, however many there are. */
export const byPlace = (of: number): boolean => of <= 512

/** @param of a power of 8 */
export const boundsOf = (of: number): Release['bounds'] => {
  const side = SIDE * Math.round(of ** (1 / 3))
  return boxAt([0, 0, 0], [side, side, side])
}

async function make(bucket: string, synapses: number, of: number): Promise<void> {
  const folder = mkdtempSync(join(bucket, '..', 'making-'))
  // One file is written again and again: what was read of it before must not be taken for it.
  const settings = { memory_limit: '3GB', enable_external_file_cache: 'false' }
  const db = await (await DuckDBInstance.create(':memory:', settings)).connect()
  const segments = segmentsOf(synapses)
  const bounds = boundsOf(of)
  const boxes = new Map<number, Vec3>()
  const side = bounds.max[0] / SIDE
  for (let z = 0; z < side; z++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        boxes.set(rangeOfRegion([4 * x, 4 * y, 4 * z], { of, bounds, region: REGION }), [x, y, z])

  const numbers: number[][] = Array.from({ length: of }, () => [])
  for (let g = 0; g < segments; g++) numbers[rangeOfId(idOf(g), of)]!.push(g)

  /** SQL of the tables of a range. */
  function tablesOf(range: number, own: number): Record<string, string> {
    const rows = Math.round(synapses / of)
    const pairs = (seed: number): string => `SELECT own.id AS own, t.i,
      ${idSql(`(hash(own.id, hash(t.i + ${seed}) % ${PARTNERS}) % ${segments})`)} AS other
      FROM range(${rows}) t(i) JOIN own ON own.k = (hash(t.i, ${seed}) % ${own})::BIGINT`
    const edges = (seed: number, [a, b]: [string, string]): string =>
      `SELECT own AS ${a}, other AS ${b}, count(*)::UINTEGER AS count, 0.5::DOUBLE AS score, sum(i % 999)::DOUBLE AS size
       FROM (${pairs(seed)}) GROUP BY own, other ORDER BY own, other`
    const corner = cellBox(boxes.get(range)!, [SIDE, SIDE, SIDE], bounds).min
    const at = (n: number): string => `(${corner[n % 3]} + hash(i, ${n}) % ${SIDE})::DOUBLE`
    const places = ['x', 'y', 'z', 'pre_x', 'pre_y', 'pre_z', 'post_x', 'post_y', 'post_z'].map(
      (c, n) => `${at(n)} AS ${c}`,
    )
    const synapse = `SELECT (${range}::UBIGINT << 40) + i::UBIGINT AS id, own AS pre_segment, other AS post_segment,
      ${places.join(', ')}, (i % 999)::UINTEGER AS size, (hash(i) % 1000 / 1000)::FLOAT AS score`
    return {
      segments: 'SELECT id AS segment, (hash(id) % 1000000)::UBIGINT AS voxels FROM own ORDER BY id',
      edges: edges(1, ['pre', 'post']),
      'edges-by-post': edges(2, ['post', 'pre']),
      'synapses-by-pre': `${synapse} FROM (${pairs(1)}) ORDER BY own, other, id`,
      // In blocks, which do for what is measured.
      ...(byPlace(of) && { synapses: `${synapse} FROM (${pairs(1)}) ORDER BY x // 256, y // 256, z // 256` }),
    }
  }

  const plain = fileStore(bucket)
  const artifacts = artifactStore(plain)
  const refs: Record<string, ArtifactRef> = {}
  let bytes = 0
  const file = join(folder, 'table.parquet')
  const seed = { version: 1, model: null, inputs: {}, extent: 'dataset', seed: 0 } as const
  for (let range = 0; range < of; range++) {
    const own = numbers[range]!
    const ids = writeParquet([
      { name: 'id', data: BigUint64Array.from(own, idOf) },
      { name: 'k', data: Float64Array.from(own.keys()) },
    ])
    writeFileSync(file, ids)
    await db.run(`CREATE OR REPLACE TEMP TABLE own AS SELECT id, k::BIGINT AS k FROM read_parquet('${file}')`)
    const writer = artifacts.write({ stage: 'graph', ...seed, parameters: { range } })
    for (const [name, sql] of Object.entries(tablesOf(range, own.length))) {
      await db.run(`COPY (${sql}) TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE 65536)`)
      const data = readFileSync(file)
      bytes += data.length
      await writer.put(tableFile(name, range, of), data)
    }
    const { stage, recipe, content } = await writer.commit(nothing)
    refs[rangeName(range, of)] = { stage, recipe, content }
  }
  rmSync(folder, { recursive: true })
  const volume = { kind: 'image', dataType: 'uint8', channels: 1, encoding: 'raw' } as const
  const release: Release = {
    dataset: 'bench',
    release: 'r',
    digest: sha256('bench'),
    layerDigests: {},
    pages: {},
    parent: null,
    voxelSizeNm: [8, 8, 8],
    bounds,
    regionShape: REGION,
    layers: {
      em: { ...volume, chunk: [64, 64, 64], shard: [64, 64, 64], regions: {}, mips: [] },
      graph: { artifacts: refs },
    },
    stages: { graph: Object.values(refs) },
    quality: {},
    holes: [],
    cost: 0,
    run: { workflowId: 'bench', runId: 'bench' },
    codeRevision: 'bench',
    approver: 'bench',
  }
  await putRelease(plain, release)
  console.log(bytes)
}

if (import.meta.main) await make(process.argv[2]!, Number(process.argv[3]), Number(process.argv[4]))
