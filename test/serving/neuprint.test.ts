// Cypher as neuPrint's clients send it: what is answered, what is refused, and that nothing of it gets out of its place in the SQL.
import { tableFromIPC } from 'apache-arrow'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { OPEN } from '../../serving/access/settings.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { makeToken } from '../../storage/tokens.ts'
import { makeFixture, type Fixture } from './fixture.ts'
import { IDS } from './neurites.ts'

let fixture: Fixture
let app: FastifyInstance
let token: string
const errors: unknown[] = []
beforeAll(async () => {
  fixture = await makeFixture()
  const store = fileStore(fixture.folder)
  const given = { role: 'viewer', datasets: ['blobs'], by: 'test', expires: null } as const
  token = (await makeToken(store, { name: 'reader', ...given, datasets: ['blobs'] })).text
  app = createServer({
    store,
    viewerDir: '/nonexistent',
    access: { ...OPEN, public: [] },
    onError: e => errors.push(e),
  })
})
afterAll(async () => {
  await app.close()
  await fixture.remove()
})

const headers = () => ({ authorization: `Bearer ${token}` })
const ask = async (cypher: string, dataset = 'blobs') => {
  const { statusCode, body } = await app.inject({
    method: 'POST',
    url: '/api/custom/custom',
    headers: headers(),
    payload: { cypher, dataset },
  })
  return {
    status: statusCode,
    body,
    ...(JSON.parse(body) as { columns?: string[]; data?: unknown[][]; error?: string }),
  }
}

it('answers with ids as numbers, however large', async () => {
  const { body, columns } = await ask(
    `MATCH (n :Neuron) WHERE n.bodyId in [${IDS.join(', ')}] RETURN n.bodyId as id, n.type ORDER BY id LIMIT 2`,
  )
  expect(columns).toEqual(['id', 'n.type'])
  expect(body).toBe(`{"columns":["id","n.type"],"data":[[${IDS[0]},null],[${IDS[1]},null]]}`)
})

it('answers in Arrow where the columns are plain, and says where they are not', async () => {
  const arrow = (cypher: string) =>
    app.inject({ method: 'POST', url: '/api/custom/arrow', headers: headers(), payload: { cypher, dataset: 'blobs' } })
  const plain = await arrow('MATCH (n:Neuron) RETURN n.bodyId as id, n.type ORDER BY id')
  expect(plain.headers['content-type']).toBe('application/vnd.apache.arrow.stream')
  expect(
    tableFromIPC(plain.rawPayload)
      .toArray()
      .map(r => r.toJSON()),
  ).toEqual(IDS.map(id => ({ id, 'n.type': null })))
  for (const maps of ['MATCH (n:Neuron) RETURN n', 'MATCH (m:Meta) RETURN m.voxelSize'])
    expect((await arrow(maps)).body).toContain('as JSON')
})

it.each([
  ['n.bodyId >= 0 AND (n.type = "x" OR NOT exists(n.type))', 3],
  ['n.size > 50000 AND n.`MB(R)`', 0],
  ["n.status =~ 'Tra.*' AND n.cropped = false", 3],
  ["n.status =~ 'Tra'", 0],
  ['n.bodyId in [] OR n.type IS NOT NULL', 0],
  ['n.bodyId in []', 0],
  ['n.bodyId = 99999999999999999999', 0],
  ['n.bodyId in [1e30, 5]', 0],
  ["n.type = 'x\\' OR \\'1\\' = \\'1' OR n.instance = '\\\\'", 0],
  ['n.type = "x\' OR true --"', 0],
  ['n.`a" OR true --` = 1', 0],
])('%s: %i', async (where, count) => {
  const { status, data, error } = await ask(`MATCH (n:Neuron) WHERE ${where} RETURN count(n) as c`)
  expect([status, data], error).toEqual([200, [[count]]])
})

it.each([
  'MATCH (n:Neuron) DETACH DELETE n',
  'MATCH (n:Neuron) RETURN n.size =~',
  'MATCH (n:Neuron) RETURN "',
  "MATCH (n:Neuron) WHERE n.size > 'x' RETURN n.size",
  'MATCH (n:Neuron) RETURN m.size',
  'MATCH (n:Neuron)-[*]->(m) RETURN n',
  'MATCH (n:Neuron) RETURN read_text("/etc/passwd")',
  'CALL apoc.load.json("file:///etc/passwd") YIELD value RETURN value',
  'MATCH (n:Neuron) RETURN exists()',
  'MATCH (n:Neuron) RETURN n.bodyId LIMIT x',
  'MATCH (n:Neuron) WITH b AS a, a AS b RETURN a',
  'MATCH (n:Neuron) RETURN toString, constructor.size',
  'MATCH (n:Neuron) RETURN constructor(n.size)',
  `MATCH (n:Neuron) WHERE ${'('.repeat(20_000)}true${')'.repeat(20_000)} RETURN n`,
  `MATCH (n:Neuron) WHERE ${'NOT '.repeat(20_000)}true RETURN n`,
  `MATCH (n:Neuron) WITH n.size AS x0, ${Array.from({ length: 40 }, (_, i) => `[x${i}, x${i}] AS x${i + 1}`).join(', ')} RETURN x40`,
  'RETURN 1',
  '',
])('%s is refused in words', async cypher => {
  const { status, error } = await ask(cypher)
  expect(status).toBe(400)
  expect(error).toContain('not understood')
})

it('and only who may read the dataset is answered', async () => {
  expect((await ask('MATCH (n:Neuron) RETURN n.bodyId', 'others')).status).toBe(403)
  expect((await ask('MATCH (n:Neuron) RETURN n.bodyId', 'blobs:r1')).data).toHaveLength(3)
  expect((await ask('MATCH (n:Neuron) RETURN n.bodyId', 'blobs:r7')).status).toBe(404)
  const early = await ask('MATCH (n:Neuron) RETURN n.bodyId', 'blobs:2020-01-01T00:00:00Z')
  expect([early.status, early.error]).toEqual([404, expect.stringContaining('at 2020-01-01T00:00:00Z')])
  const nobody = await app.inject({
    method: 'POST',
    url: '/api/custom/custom',
    payload: { cypher: '', dataset: 'blobs' },
  })
  expect(nobody.statusCode).toBe(401)
  for (const body of ['99999999999999999999', 'x', '-1'])
    expect((await app.inject({ url: `/api/skeletons/skeleton/blobs/${body}`, headers: headers() })).statusCode).toBe(
      400,
    )
  const { statusCode } = await app.inject({ url: '/api/skeletons/skeleton/others/1', headers: headers() })
  expect(statusCode).toBe(403)
  expect(errors).toEqual([])
})
