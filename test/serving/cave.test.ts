// Queries as caveclient sends them: ids that no double holds, versions that stay, what is refused, and that no filter leaves its place.
import { tableFromIPC } from 'apache-arrow'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { recordChannelMove } from '../../storage/provenance/channel-moves.ts'
import { putRelease } from '../../storage/releases.ts'
import { makeFixture, SYNAPSES, type Fixture } from './fixture.ts'

let fixture: Fixture
let app: FastifyInstance
const errors: unknown[] = []
beforeAll(async () => {
  fixture = await makeFixture()
  const store = fileStore(fixture.folder)
  await putRelease(store, { ...fixture.release, release: 'r0', layers: { em: fixture.release.layers.em } })
  const by = { by: 'test', reason: 'test' }
  await recordChannelMove(store, 'blobs', 'published', { release: 'r0', ...by }, Date.parse('2026-01-01T00:00:00Z'))
  await recordChannelMove(store, 'blobs', 'published', { release: null, ...by }, Date.parse('2026-02-01T00:00:00Z'))
  await recordChannelMove(store, 'blobs', 'published', { release: 'r1', ...by }, Date.parse('2026-03-01T00:00:00Z'))
  app = createServer({ store, viewerDir: '/nonexistent', onError: e => errors.push(e) })
})
afterAll(async () => {
  await app.close()
  await fixture.remove()
})

const V3 = '/materialize/api/v3/datastack/blobs'
const post = (url: string, payload: string) =>
  app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } })
const query = async (body: string, table = 'synapses') => {
  const answer = await post(`${V3}/version/3/table/${table}/query?return_pyarrow=True`, body)
  const rows = answer.statusCode === 200 ? tableFromIPC(answer.rawPayload).toArray() : []
  return { status: answer.statusCode, headers: answer.headers, body: answer.body, rows }
}

it('has a version for each release that was published, and they stay', async () => {
  expect((await app.inject(`${V3}/versions`)).json()).toEqual([1, 3])
  expect((await app.inject(`${V3}/metadata`)).json()).toMatchObject([
    { version: 1, time_stamp: '2026-01-01T00:00:00.000000' },
    { version: 3, status: 'AVAILABLE' },
  ])
  const missing = await post(`${V3}/version/1/table/synapses/query`, '{}')
  expect([missing.statusCode, missing.body]).toEqual([404, expect.stringContaining('r0')])
  expect((await app.inject(`${V3}/version/2`)).json()).toMatchObject({ error: expect.stringContaining('no version 2') })
})

it('holds ids exactly, in the question and in the answer', async () => {
  const id = SYNAPSES.id[3]!
  const { rows, headers } = await query(`{"filter_equal_dict": {"synapses": {"id": ${id}}}}`)
  expect(rows.map(r => r.id)).toEqual([id])
  expect(headers).toMatchObject({ 'content-type': 'data.arrow', dataframe_resolution: '8, 8, 8' })
  const near = await query(`{"filter_in_dict": {"synapses": {"id": [${id + 1n}, ${id - 1n}]}}}`)
  expect(near.rows).toEqual([])
})

it.each([
  [`{"filter_equal_dict": {"synapses": {"size": "1 OR 1=1"}}}`, 400],
  [`{"filter_equal_dict": {"synapses": {"size\\" OR 1=1 --": 1}}}`, 400],
  [`{"filter_regex_dict": {"synapses": {"id": "') OR true --"}}}`, 400],
  [`{"select_columns": ["id", "* FROM x --"]}`, 400],
  [`{"filter_spatial_dict": {"synapses": {"ctr_pt_position": [[0, 0], [1, 1, 1]]}}}`, 400],
  [`{"filter_spatial_dict": {"synapses": {"size": [[0, 0, 0], [1, 1, 1]]}}}`, 400],
  [`{"filter_spatial_dict": {"synapses": {"ctr_pt_position": [[1e400, 0, 0], [1, 1, 1]]}}}`, 400],
  [`{"filter_in_dict": {"synapses": {"colour": [1]}}}`, 400],
  [`{"filter_in_dict": {"segments": {"id": [1]}}}`, 400],
  [`{"filter_colour_dict": {"synapses": {"id": 1}}}`, 400],
  [`{"select_columns": []}`, 400],
  [`{"limit": -1}`, 400],
  [`{"limit": 1e30}`, 400],
  [`{"desired_resolution": [0, 1, 1]}`, 400],
  [`{"filter_in_dict": []}`, 400],
  [`{`, 400],
  [`[]`, 400],
])('%s is refused', async (body, status) => {
  const answer = await query(body)
  expect(answer.status, answer.body).toBe(status)
  expect(Object.keys(JSON.parse(answer.body) as object)).toEqual(['error', 'todo'])
})

it('lists the tables that a release has, of versions that there are', async () => {
  const at = async (path: string) => (await app.inject(`${V3}/version/${path}`)).json() as unknown
  expect([await at('1/tables'), await at('1/tables/metadata')]).toEqual([[], []])
  expect(await at('3/tables')).toEqual(['synapses', 'segments', 'edges'])
  for (const path of ['9/tables', '9/views', 'NaN', '-1', String(10n ** 30n), '3/table/colours/count'])
    expect((await app.inject(`${V3}/version/${path}`)).statusCode, path).toBe(404)
})

it('a box has the synapses whose centres lie in it, also one without end', async () => {
  const within = async (box: number[][]) =>
    (await query(JSON.stringify({ filter_spatial_dict: { synapses: { ctr_pt_position: box } } }))).rows.map(r => r.id)
  const [low, high] = [
    [40, 50, 20],
    [80, 50, 40],
  ]
  expect(await within([low!, high!])).toEqual(SYNAPSES.id.slice(1, 4))
  expect(await within([high!, low!])).toEqual(SYNAPSES.id.slice(1, 4))
  expect(await within([[1000, 0, 0], low!.map(v => v + 1000)])).toEqual([])
  expect(await within([low!.map(() => -1e300), low!.map(() => 1e300)])).toHaveLength(5)
})

it('an empty list of ids has no rows, nothing left out leaves all', async () => {
  expect((await query('{"filter_in_dict": {"synapses": {"id": []}}}')).rows).toHaveLength(0)
  expect((await query('{"filter_in_dict": {"synapses": {"pre_pt_root_id": []}}}')).rows).toHaveLength(0)
  const large = '{"filter_equal_dict": {"synapses": {"pre_pt_root_id": 99999999999999999999}}}'
  expect((await query(large)).rows).toHaveLength(0)
  expect((await query('{"filter_notin_dict": {"synapses": {"id": []}}}')).rows).toHaveLength(5)
  expect((await query('{}', 'constructor')).status).toBe(404)
  const join = await post(`${V3}/version/3/query`, '{"tables": [["synapses", "id"], ["segments", "nothing"]]}')
  expect(join.statusCode).toBe(400)
  expect(errors).toEqual([])
})
