// `node bench/serving.ts [SYNAPSES] [RANGES]` (a power of 8): questions asked of a server over tables of so many synthetic synapses; what it reads, takes of memory, and adds to DuckDB alone.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { rangeName } from '../domain/index/grid.ts'
import { Release } from '../domain/release.ts'
import { createServer } from '../serving/server.ts'
import { fileStore } from '../storage/file-store.ts'
import { rangeOfId, tableFile } from '../storage/formats/precomputed/by-id.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { getRelease } from '../storage/releases.ts'
import { dice } from '../test/system/harness.ts'
import { quantile, table } from './common/print.ts'
import { boundsOf, byPlace, idOf, segmentsOf } from './common/synthetic-tables.ts'

const synapses = Number(process.argv[2] ?? 1e6)
const of = Number(process.argv[3] ?? 64)
const ASKED = 100
/** Voxels along a side of the box that is asked for. */
const BOX = 256

const folder = mkdtempSync(join(tmpdir(), 'hillock-bench-serving-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const bucket = join(folder, 'bucket')
// In a process of its own, so that the memory of this one is that of the server and of who asks it.
const maker = join(import.meta.dirname, 'common/synthetic-tables.ts')
const bytes = Number(execFileSync(process.execPath, [maker, bucket, String(synapses), String(of)]).toString())

const plain = fileStore(bucket)
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
const app = createServer({ store, viewerDir: '/nonexistent' })
const draw = dice(1)
const segments = segmentsOf(synapses)
// Each of another range, so that what is cold is cold.
const asked: bigint[] = []
for (const taken = new Set<number>(); asked.length < Math.min(ASKED, of);) {
  const id = idOf(Math.floor(draw() * segments))
  const range = rangeOfId(id, of)
  if (!taken.has(range)) asked.push(id)
  taken.add(range)
}
const lines: string[][] = []
async function measure(what: string, ask: (id: bigint) => Promise<number>): Promise<void> {
  const times: number[] = []
  const before = read
  let rows = 0
  for (const id of asked) {
    const start = performance.now()
    rows += await ask(id)
    times.push(performance.now() - start)
  }
  const kib = (read - before) / asked.length / 1024
  const [middle, late] = [0.5, 0.95].map(q => quantile(times, q).toFixed(1))
  lines.push([what, middle!, late!, kib.toFixed(0), (rows / asked.length).toFixed(0)])
}
const served =
  (path: (id: bigint) => string) =>
  async (id: bigint): Promise<number> => {
    const answer = await app.inject(`/api/v1/datasets/bench/releases/r/${path(id)}`)
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return (answer.json().rows ?? [0]).length
  }
const segment = served(id => `segments/${id}`)
const partners = served(id => `segments/${id}/partners?limit=10000`)
const own = served(id => `synapses?pre=${id}&limit=10000`)
const { max } = boundsOf(of)
const box = served(() => {
  const at = max.map(m => Math.floor(draw() * (m - BOX)))
  return `synapses?box=${[...at, ...at.map(v => v + BOX)].join(',')}&limit=10000`
})

await segment(asked[0]!)
await measure('segment, cold', segment)
await measure('segment, warm', segment)
await measure('partners, cold', partners)
await measure('partners, warm', partners)
await measure('synapses of a segment, cold', own)
await measure('synapses of a segment, warm', own)
if (byPlace(of)) await measure(`synapses of a box of ${BOX}^3, cold`, box)
const resident = process.memoryUsage().rss >> 20

// The same questions of DuckDB alone, on the files of the bucket.
const db = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect()
const { layers } = Release.parse(JSON.parse((await getRelease(plain, 'bench', 'r'))!))
const alone =
  (sql: (file: (name: string) => string, id: string) => string) =>
  async (id: bigint): Promise<number> => {
    const range = rangeOfId(id, of)
    const { stage, recipe } = layers.graph!.artifacts![rangeName(range, of)]!
    const file = (name: string): string => `'${join(bucket, 'artifacts', stage, recipe, tableFile(name, range, of))}'`
    return (await db.runAndReadAll(sql(file, `${id}::UBIGINT`))).getRowObjects().length
  }
await measure(
  'segment, DuckDB alone',
  alone((file, id) => `SELECT * FROM ${file('segments')} WHERE segment = ${id}`),
)
await measure(
  'partners, DuckDB alone',
  alone(
    (
      file,
      id,
    ) => `SELECT 'down' AS direction, post AS segment, * EXCLUDE (pre, post) FROM ${file('edges')} WHERE pre = ${id}
      UNION ALL SELECT 'up', pre, * EXCLUDE (pre, post) FROM ${file('edges-by-post')} WHERE post = ${id} ORDER BY count DESC, segment, direction LIMIT 10001`,
  ),
)
await measure(
  'synapses of a segment, DuckDB alone',
  alone((file, id) => `SELECT * FROM ${file('synapses-by-pre')} WHERE pre_segment = ${id} ORDER BY id LIMIT 10001`),
)
console.log(
  `${synapses} synapses of ${segments} segments in ${of} ranges: ${(bytes / 2 ** 20).toFixed(0)} MiB; ${cpus().length} x ${cpus()[0]!.model}, ${new Date().toISOString().slice(0, 10)}`,
)
console.log(table(['', 'ms, median', 'ms, 95 %', 'KiB read', 'rows'], lines))
console.log(`resident: ${resident} MiB, with what asks`)
await app.close()
process.exit(0)
