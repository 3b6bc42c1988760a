// `node bench/serving.ts [SYNAPSES] [RANGES]`: questions about one segment, asked of a server over tables of so many synthetic synapses.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { table } from './print.ts'
import { rangeName } from '../domain/index/grid.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import { sha256 } from '../domain/recipe.ts'
import type { Release } from '../domain/release.ts'
import { createServer } from '../serving/server.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { fileStore } from '../storage/file-store.ts'
import { writeParquet } from '../storage/formats/parquet.ts'
import { rangeOfId, tableFile } from '../storage/formats/precomputed/by-id.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { putRelease } from '../storage/releases.ts'
import { dice } from '../test/system/harness.ts'

const synapses = Number(process.argv[2] ?? 1e6)
const of = Number(process.argv[3] ?? 64)
/** Of a segment, about; so many synapses go to each partner. */
const SYNAPSES = 50
const PARTNERS = 15
const ASKED = 100

const folder = mkdtempSync(join(tmpdir(), 'hillock-bench-serving-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const db = await (await DuckDBInstance.create(':memory:', { memory_limit: '3GB' })).connect()

/** All segments: in `ids` by their number over all (`g`), and within their range (`k`). */
async function makeSegments(): Promise<bigint[]> {
  const ids = Array.from(
    { length: Math.ceil(synapses / SYNAPSES) },
    (_, i) => (BigInt(i + 1) << 22n) + BigInt(i % 1013),
  )
  const file = join(folder, 'ids.parquet')
  writeFileSync(
    file,
    writeParquet([
      { name: 'id', data: BigUint64Array.from(ids) },
      { name: 'g', data: Uint32Array.from(ids.keys()) },
      { name: 'range', data: Uint32Array.from(ids, id => rangeOfId(id, of)) },
    ]),
  )
  await db.run(`CREATE TABLE ids AS SELECT *, row_number() OVER (PARTITION BY range ORDER BY g) - 1 AS k
    FROM read_parquet('${file}') ORDER BY range, k`)
  return ids
}

/** Tables of one range, as the stage graph lays them out. */
async function tablesOf(connection: DuckDBConnection, range: number, segments: number): Promise<[string, string][]> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE own AS SELECT id, k FROM ids WHERE range = ${range}`)
  const own = Number((await connection.runAndReadAll('SELECT count(*) FROM own')).getRows()[0]![0])
  const pairs = (seed: number): string => `SELECT own.id AS own, other.id AS other, t.i
    FROM range(${Math.round(synapses / of)}) t(i) JOIN own ON own.k = (hash(t.i, ${seed}) % ${own})::BIGINT
    JOIN ids other ON other.g = (hash(own.id, hash(t.i + ${seed}) % ${PARTNERS}) % ${segments})::UINTEGER`
  const edges = (seed: number, [a, b]: [string, string]): string =>
    `SELECT min(own) AS ${a}, min(other) AS ${b}, count(*)::UINTEGER AS count, 0.5::DOUBLE AS score, sum(i % 999)::DOUBLE AS size
     FROM (${pairs(seed)}) GROUP BY own, other ORDER BY own, other`
  const at = (n: number): string => `(hash(i, ${n}) % 20000)::DOUBLE`
  const places = ['x', 'y', 'z', 'pre_x', 'pre_y', 'pre_z', 'post_x', 'post_y', 'post_z'].map(
    (c, n) => `${at(n)} AS ${c}`,
  )
  const all: Record<string, string> = {
    segments: `SELECT id AS segment, (hash(id) % 1000000)::UBIGINT AS voxels FROM own ORDER BY id`,
    edges: edges(1, ['pre', 'post']),
    'edges-by-post': edges(2, ['post', 'pre']),
    'synapses-by-pre': `SELECT (${range}::UBIGINT << 40) + i::UBIGINT AS id, own AS pre_segment, other AS post_segment,
      ${places.join(', ')}, (i % 999)::UINTEGER AS size, (hash(i) % 1000 / 1000)::FLOAT AS score FROM (${pairs(1)}) ORDER BY own, other, id`,
  }
  const made: [string, string][] = []
  for (const [name, sql] of Object.entries(all)) {
    const file = join(folder, `${name}.parquet`)
    await connection.run(`COPY (${sql}) TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE 65536)`)
    made.push([name, file])
  }
  return made
}

const ids = await makeSegments()
const plain = fileStore(join(folder, 'bucket'))
let read = 0
const store: ObjectStore = {
  ...plain,
  get: async (...args) => {
    const bytes = await plain.get(...args)
    read += bytes?.length ?? 0
    return bytes
  },
  getRange: async (...args) => {
    const bytes = await plain.getRange(...args)
    read += bytes?.length ?? 0
    return bytes
  },
}
const artifacts = artifactStore(plain)
const refs: Record<string, ArtifactRef> = {}
let bytes = 0
const seed = { version: 1, parameters: {}, model: null, inputs: {}, extent: 'dataset', seed: 0 } as const
for (let range = 0; range < of; range++) {
  const writer = artifacts.write({ stage: 'graph', ...seed, parameters: { range } })
  for (const [name, file] of await tablesOf(db, range, ids.length)) {
    const data = readFileSync(file)
    bytes += data.length
    await writer.put(tableFile(name, range, of), data)
  }
  const at = new Date(0).toISOString()
  const { stage, recipe, content } = await writer.commit({
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
  })
  refs[rangeName(range, of)] = { stage, recipe, content }
}
const volume = { kind: 'image', dataType: 'uint8', channels: 1, encoding: 'raw' } as const
const shape = [64, 64, 64] as const
const release: Release = {
  dataset: 'bench',
  release: 'r',
  digest: sha256('bench'),
  layerDigests: {},
  pages: {},
  parent: null,
  voxelSizeNm: [8, 8, 8],
  bounds: { min: [0, 0, 0], max: [64, 64, 64] },
  regionShape: shape,
  layers: { em: { ...volume, chunk: shape, shard: shape, regions: {}, mips: [] }, graph: { artifacts: refs } },
  stages: { graph: Object.values(refs) },
  quality: {},
  holes: [],
  cost: 0,
  run: { workflowId: 'bench', runId: 'bench' },
  codeRevision: 'bench',
  approver: 'bench',
}
await putRelease(plain, release)

const app = createServer({ store, viewerDir: '/nonexistent' })
const draw = dice(1)
// One of each range, so that what is cold is cold.
const asked = [...Map.groupBy(ids, id => rangeOfId(id, of)).values()]
  .map(own => own[Math.floor(draw() * own.length)]!)
  .slice(0, ASKED)
const quantile = (values: number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))]!

async function measure(what: string, ask: (id: bigint) => Promise<number>): Promise<string[]> {
  const times: number[] = []
  const before = read
  let rows = 0
  for (const id of asked) {
    const start = performance.now()
    rows += await ask(id)
    times.push(performance.now() - start)
  }
  const kib = (read - before) / asked.length / 1024
  return [
    what,
    quantile(times, 0.5).toFixed(1),
    quantile(times, 0.95).toFixed(1),
    kib.toFixed(0),
    (rows / asked.length).toFixed(0),
  ]
}
const served =
  (path: (id: bigint) => string) =>
  async (id: bigint): Promise<number> => {
    const answer = await app.inject(`/api/v1/datasets/bench/releases/r/${path(id)}`)
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return (answer.json().rows ?? [0]).length
  }
const partners = served(id => `segments/${id}/partners?limit=10000`)
const segment = served(id => `segments/${id}`)
const own = served(id => `synapses?pre=${id}&limit=10000`)
/** The same question of DuckDB alone, on the files of the bucket. */
const direct = async (id: bigint): Promise<number> => {
  const range = rangeOfId(id, of)
  const { stage, recipe } = refs[rangeName(range, of)]!
  const file = (name: string): string => join(folder, 'bucket/artifacts', stage, recipe, tableFile(name, range, of))
  const result =
    await db.runAndReadAll(`SELECT 'down' AS direction, post AS segment, * EXCLUDE (pre, post) FROM '${file('edges')}' WHERE pre = ${id}::UBIGINT
    UNION ALL SELECT 'up', pre, * EXCLUDE (pre, post) FROM '${file('edges-by-post')}' WHERE post = ${id}::UBIGINT ORDER BY count DESC, segment, direction`)
  return result.getRowObjects().length
}
const lines = [
  await measure('segment, cold', segment),
  await measure('partners, cold', partners),
  await measure('partners, warm', partners),
  await measure('partners, DuckDB alone', direct),
  await measure('synapses of a segment, cold', own),
  await measure('synapses of a segment, warm', own),
]
console.log(
  `${synapses} synapses of ${ids.length} segments in ${of} ranges: ${(bytes / 2 ** 20).toFixed(0)} MiB; ${cpus().length} x ${cpus()[0]!.model}, ${new Date().toISOString().slice(0, 10)}`,
)
console.log(table(['', 'ms, median', 'ms, 95 %', 'KiB read', 'rows'], lines))
console.log(`resident: ${process.memoryUsage().rss >> 20} MiB, with the data base that made the tables`)
await app.close()
process.exit(0)
