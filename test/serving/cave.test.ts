// Queries as caveclient sends them: ids that no double holds, versions that stay, what is refused, and that no filter leaves its place.
import { tableFromIPC } from 'apache-arrow'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { recordChannelMove } from '../../storage/provenance/channel-moves.ts'
import { putRelease } from '../../storage/releases.ts'
import { makeFixture, SYNAPSES, type Fixture } from './fixture.ts'
import { IDS } from './neurites.ts'

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

const graph = '/segmentation/api/v1/table/blobs:r1'
const seconds = (text: string): number => Date.parse(text) / 1000
const binary = async (ids: readonly bigint[], timestamp: number) => {
  const payload = Buffer.from(BigUint64Array.from(ids).buffer)
  const { statusCode, rawPayload } = await app.inject({
    method: 'POST',
    url: `${graph}/roots_binary?timestamp=${timestamp}`,
    payload,
  })
  return statusCode === 200 ? [...new BigUint64Array(new Uint8Array(rawPayload).buffer)] : rawPayload.toString()
}

it('chunkedgraph: where a release has no supervoxels its segments are their own, at the times when it was published', async () => {
  const spring = seconds('2026-04-01T00:00:00Z')
  expect(await binary([IDS[2], 0n, IDS[0]], spring)).toEqual([IDS[2], 0n, IDS[0]])
  expect(await binary([IDS[0] + 1n], spring)).toContain(`no supervoxel ${IDS[0] + 1n}`)
  expect(await binary([IDS[0]], seconds('2026-02-02T00:00:00Z'))).toContain('had no published release')
  expect(await binary([IDS[0]], seconds('2025-02-02T00:00:00Z'))).toContain('its first was r0')
  expect((await app.inject(`${graph}/node/${IDS[1]}/leaves`)).body).toBe(`{"leaf_ids":[${IDS[1]}]}`)
  expect((await app.inject(`${graph}/node/${IDS[1]}/root?timestamp=${spring}`)).body).toBe(`{"root_id":${IDS[1]}}`)
  const latest = await app.inject({
    method: 'POST',
    url: `${graph}/is_latest_roots`,
    payload: Buffer.from(`{"node_ids": [${IDS[1]}, ${IDS[1] + 1n}, 7]}`),
  })
  expect(latest.json()).toEqual({ is_latest: [true, false, false] })
  expect((await app.inject(`/segmentation/table/blobs:r1/info`)).json()).toEqual(
    (await app.inject('/r/blobs/r1/segmentation/info')).json(),
  )
})

it.each([
  ['GET', `${graph}/node/x/leaves`, '', 400],
  ['GET', `${graph}/node/1/leaves`, '', 404],
  ['GET', `${graph}/node/${IDS[0]}/leaves?bounds=0-1_0-1`, '', 400],
  ['GET', `${graph}/node/${IDS[0]}/root?timestamp=soon`, '', 400],
  ['GET', `${graph}/node/${IDS[0]}/root?timestamp=1e300`, '', 400],
  ['GET', `${graph}/node/${IDS[0]}/root?stop_layer=2`, '', 400],
  ['GET', '/segmentation/api/v1/table/others:r1/node/1/leaves', '', 404],
  ['POST', `${graph}/roots_binary`, '1234567', 400],
  ['POST', `${graph}/is_latest_roots`, '{"node_ids": [-1]}', 400],
  ['POST', `${graph}/is_latest_roots`, '{', 400],
  ['POST', `${graph}/merge`, '[]', 404],
] as const)('chunkedgraph: %s %s is refused in words', async (method, url, payload, status) => {
  const answer = await app.inject({ method, url, ...(payload !== '' && { payload: Buffer.from(payload) }) })
  expect(answer.statusCode, answer.body).toBe(status)
  expect(answer.json()).toMatchObject({ error: expect.any(String), todo: expect.any(String) })
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
