// SQL of readers on a release: what it may do, and a list of what it may not.
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engine, type Engine } from '../../../serving/query/engine.ts'
import { sandbox, SQL_LIMITS } from '../../../serving/query/sandbox.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { makeFixture, type Fixture } from '../fixture.ts'

let fixture: Fixture
let queries: Engine
beforeAll(async () => {
  fixture = await makeFixture()
  queries = engine({ artifacts: artifactStore(fileStore(fixture.folder)) })
})
afterAll(async () => {
  await queries.close()
  await fixture.remove()
})

async function ask(sql: string, limits: Partial<typeof SQL_LIMITS> = {}, most = 1000): Promise<any> {
  const artifacts = artifactStore(fileStore(fixture.folder))
  const run = sandbox(artifacts, queries, { ...SQL_LIMITS, ...limits })
  const parts: Uint8Array[] = []
  for await (const part of await run({ release: fixture.release, sql, format: 'json', head: { release: 'r1' }, most }))
    parts.push(part)
  return JSON.parse(Buffer.concat(parts).toString())
}

it('answers with rows, ids as text, and says whether they are all', async () => {
  const answer = await ask(
    'SELECT s.segment, sum(e.count) AS made FROM segments s JOIN edges e ON e.pre = s.segment GROUP BY ALL ORDER BY 1',
  )
  expect(answer).toEqual({
    release: 'r1',
    columns: [
      { name: 'segment', type: 'id' },
      { name: 'made', type: 'number' },
    ],
    rows: [
      { segment: String((1n << 50n) + 7n), made: 4 },
      { segment: String((3n << 50n) + 12345678n), made: 1 },
    ],
    complete: true,
  })
  // As wide as an id, and none.
  expect((await ask('SELECT 7::UBIGINT AS faces_x, max(7::UBIGINT) AS voxels, 7::UBIGINT AS pre')).rows).toEqual([
    { faces_x: 7, voxels: 7, pre: '7' },
  ])
  expect(await ask('SELECT id FROM synapses', {}, 2)).toMatchObject({ rows: [{}, {}], complete: false })
  expect((await ask('WITH big AS (FROM synapses WHERE size > 250) SELECT count(*) AS n FROM big')).rows).toEqual([
    { n: 3 },
  ])
})

describe('a reader cannot', () => {
  it.each([
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_parquet('/tmp/*.parquet')",
    "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '/tmp/x.parquet'",
    "SELECT * FROM 'https://example.org/x.parquet'",
    "SELECT * FROM read_csv('https://example.org/x.csv')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM segments, glob('/*')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "WITH a AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM a",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM read_text('/etc/passwd'))",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('segments')",
    "SELECT * FROM sqlite_scan('/tmp/x.db', 't')",
    "SELECT * FROM postgres_scan('', '', '')",
    'SELECT * FROM duckdb_secrets()',
    'SELECT * FROM duckdb_settings()',
    'SELECT * FROM duckdb_extensions()',
    'SELECT * FROM pragma_database_list()',
    'SELECT * FROM information_schema.tables',
    'SELECT * FROM pg_catalog.pg_settings',
    'SELECT * FROM system.information_schema.tables',
    "SELECT getenv('HOME')",
    "SELECT current_setting('allowed_paths')",
    "SELECT CURRENT_SETTING('allowed_paths')",
    "ATTACH '/tmp/x.db' AS x",
    "ATTACH ':memory:' AS x",
    'DETACH memory',
    'INSTALL httpfs',
    'LOAD httpfs',
    "LOAD '/tmp/x.so'",
    "COPY segments TO '/tmp/hillock-escaped.csv'",
    "COPY (SELECT 1) TO '/tmp/hillock-escaped.csv'",
    "EXPORT DATABASE '/tmp/hillock-escaped'",
    "IMPORT DATABASE '/tmp'",
    'PRAGMA database_list',
    'PRAGMA enable_profiling',
    'SET threads = 64',
    "SET GLOBAL memory_limit = '100GB'",
    'RESET ALL',
    'SET enable_external_access = true',
    'CREATE TABLE x AS SELECT 1',
    'CREATE MACRO f() AS 1',
    'CREATE SECRET (TYPE s3)',
    'DROP VIEW segments',
    'DELETE FROM segments',
    'UPDATE segments SET voxels = 0',
    'INSERT INTO segments SELECT * FROM segments',
    'CALL pragma_version()',
    'EXPLAIN ANALYZE SELECT 1',
    'BEGIN TRANSACTION',
    'CHECKPOINT',
    'VACUUM',
    'PREPARE p AS SELECT 1',
    'EXECUTE p',
    'SELECT 1; SELECT 2',
    'SELECT 1; DROP VIEW segments',
    "SELECT 1; COPY (SELECT 1) TO '/tmp/hillock-escaped.csv'",
    '',
    '   ',
    '-- nothing',
    'selec',
    'SELECT * FROM nothing',
    'SELECT nothing FROM segments',
    'SELECT segment::DATE FROM segments',
    'SELECT ?',
    'SELECT $x',
    `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`,
    `SELECT ${'1+'.repeat(40_000)}1`,
    `SELECT '${'x'.repeat(200_000)}'`,
  ])('%s', async sql => {
    await expect(ask(sql)).rejects.toMatchObject({ status: 400 })
    expect(existsSync('/tmp/hillock-escaped.csv')).toBe(false)
  })
})

describe('what takes too much is ended', () => {
  const small = { timeMs: 2000 }
  it.each([
    'WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t',
    'SELECT count(*) FROM range(1000000000000)',
    'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b',
    'SELECT * FROM range(100000000) a, range(100000000) b ORDER BY random()',
    "SELECT length(repeat('x', 2000000000))",
    "SELECT repeat('x', 200000000) FROM range(100)",
    'SELECT list_sum(range(1000000000))',
    'SELECT list(x) FROM range(1000000000) t(x)',
    "SELECT string_agg(x, ',') FROM range(1000000000) t(x)",
  ])('%s', async sql => {
    await expect(ask(sql, small)).rejects.toMatchObject({ status: 422 })
  })

  it('also when its rows have no end: the answer breaks off, it does not end', async () => {
    const rows = Number.MAX_SAFE_INTEGER
    await expect(ask('SELECT * FROM range(1000000000000)', { timeMs: 3000 }, rows)).rejects.toMatchObject({
      status: 422,
    })
  })

  it('and who comes when too many wait is told to come again', async () => {
    const artifacts = artifactStore(fileStore(fixture.folder))
    const run = sandbox(artifacts, queries, { ...SQL_LIMITS, atOnce: 1, waiting: 0, timeMs: 3000 })
    const statement = { release: fixture.release, format: 'json', head: {}, most: 1 } as const
    const first = run({ ...statement, sql: 'SELECT count(*) FROM range(1000000000000)' })
    first.catch(() => {})
    await new Promise(go => setTimeout(go, 300))
    await expect(run({ ...statement, sql: 'SELECT 1' })).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '2' },
    })
    await expect(first).rejects.toMatchObject({ status: 422 })
  })
})
