// The query API on a synthetic release: every endpoint, time travel, answers in three forms, and what is asked wrongly.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { queryClient, type QueryClient } from '../../client/query-client.ts'
import { boxAt, shapeOf } from '../../domain/geometry.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { readNpy } from '../../storage/formats/npy.ts'
import { readParquet } from '../../storage/formats/parquet.ts'
import { artifactKey } from '../../storage/lineage-record.ts'
import { recordChannelMove } from '../../storage/provenance/channel-moves.ts'
import { putRelease } from '../../storage/releases.ts'
import { artifactWith, HOLE, makeFixture, SYNAPSES, type Fixture } from './fixture.ts'
import { fill, grey, IDS, label, NM } from './neurites.ts'

let fixture: Fixture
let app: FastifyInstance
const errors: unknown[] = []
beforeAll(async () => {
  fixture = await makeFixture()
  const store = fileStore(fixture.folder)
  await putRelease(store, { ...fixture.release, release: 'r0', layers: { em: fixture.release.layers.em } })
  const by = { by: 'test', reason: 'test' }
  await recordChannelMove(store, 'blobs', 'published', { release: 'r0', ...by }, Date.parse('2026-01-01T00:00:00Z'))
  await recordChannelMove(store, 'blobs', 'published', { release: 'r1', ...by }, Date.parse('2026-02-01T00:00:00Z'))
  app = createServer({ store, viewerDir: '/nonexistent', onError: e => errors.push(e) })
})
afterAll(async () => {
  await app.close()
  await fixture.remove()
})

const R1 = '/api/v1/datasets/blobs/releases/r1'
const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })
const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url, payload, headers })
const json = async (url: string) => (await get(url)).json()
const [A, B, C] = IDS.map(String) as [string, string, string]

describe('releases', () => {
  it('are listed, shown, compared and explained', async () => {
    expect(await json('/api/v1/datasets')).toEqual({
      datasets: [{ dataset: 'blobs', channels: [{ channel: 'published', release: 'r1' }], releases: 2 }],
    })
    expect((await json('/api/v1/datasets/blobs/releases')).releases).toMatchObject([
      { release: 'r1', channels: ['published'], holes: 1 },
      { release: 'r0', channels: [] },
    ])
    expect(await json(R1)).toMatchObject({ release: 'r1', layers: { em: { precomputed: '/r/blobs/r1/em' } } })
    expect((await json(`${R1}/diff/r0`)).layers).toMatchObject({ segmentation: 'only here' })
    expect(await json(`${R1}/lineage`)).toMatchObject({ release: 'blobs/r1' })
    expect((await json(`${R1}/tables`)).tables).toMatchObject([
      { table: 'segments', rows: 3 },
      { table: 'edges', rows: 3 },
      { table: 'synapses', rows: 5 },
      { table: 'contacts', rows: 2 },
    ])
  })

  it('are found by name, by channel and by time, and the answer says which it is', async () => {
    const named = async (name: string) =>
      (await get(`/api/v1/datasets/blobs/releases/${name}`)).headers['hillock-release']
    expect(await named('r1')).toBe('blobs/r1')
    expect(await named('published')).toBe('blobs/r1')
    expect(await named('2026-01-15T00:00:00Z')).toBe('blobs/r0')
    expect(await named('2026-02-01T01:00:00%2B01:00')).toBe('blobs/r1')
    expect(await named('2026-02-01T00:59:59%2B01:00')).toBe('blobs/r0')
    expect((await json('/api/v1/datasets/blobs/channels/published')).moves).toMatchObject([
      { at: '2026-01-01T00:00:00.000Z', release: 'r0' },
      { release: 'r1' },
    ])
  })
})

describe('segments', () => {
  it('at points are those of the volume', async () => {
    const points = Array.from({ length: 200 }, (_, i) => [(37 * i) % 160, (53 * i) % 128, (71 * i) % 96] as const)
    const { segments } = (await post(`${R1}/segments-at`, { points })).json()
    expect(segments).toEqual(points.map(p => String(label(...p))))
    const inside = points.find(p => label(...p) !== 0n)!
    expect(await json(`${R1}/segment-at?point=${inside.join(',')}`)).toMatchObject({
      segment: String(label(...inside)),
    })
  })

  it('by id have their row and links that lead somewhere', async () => {
    const found = await json(`${R1}/segments/${A}`)
    expect(found.segment).toMatchObject({ segment: A, voxels: 90_000 })
    for (const link of ['mesh', 'skeleton', 'partners', 'contacts'])
      expect((await get(found.links[link])).statusCode, link).toBe(200)
  })

  it('have skeletons, as SWC whose parents come first', async () => {
    const swc = (await get(`${R1}/segments/${A}/skeleton`)).body
    const lines = swc
      .trim()
      .split('\n')
      .slice(1)
      .map(l => l.split(' ').map(Number))
    expect(lines).toHaveLength(20)
    expect(lines.map(l => l[6])).toEqual([-1, ...Array.from({ length: 19 }, (_, i) => i + 1)])
    expect(lines[0]!.slice(2, 3)).toEqual([4 * NM])
    const raw = await get(`${R1}/segments/${A}/skeleton?format=precomputed`)
    expect(raw.rawPayload.readUInt32LE(0)).toBe(20)
  })

  it('have meshes, whose vertices lie on their surface', async () => {
    const text = (await get(`${R1}/segments/${A}/mesh?level=0`)).body
    const lines = text
      .trim()
      .split('\n')
      .map(l => l.split(' '))
    const corners = lines.filter(l => l[0] === 'v').map(l => l.slice(1).map(v => Math.round(Number(v) / NM)))
    const faces = lines.filter(l => l[0] === 'f').map(l => l.slice(1).map(Number))
    expect(faces.flat().reduce((a, b) => Math.max(a, b), 0)).toBe(corners.length)
    const around = ([x, y, z]: number[]) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter(k => label(x! - (k & 1), y! - ((k >> 1) & 1), z! - (k >> 2)) === IDS[0]).length
    expect(corners.filter(c => around(c) % 8 === 0)).toEqual([])
    const coarse = (await get(`${R1}/segments/${A}/mesh`)).body
    expect(coarse.length).toBeLessThan(text.length)
  })

  it('have partners with counts, contacts, and ways to each other', async () => {
    expect((await json(`${R1}/segments/${A}/partners`)).rows).toMatchObject([
      { direction: 'down', segment: B, count: 3 },
      { direction: 'down', segment: C, count: 1 },
    ])
    expect((await json(`${R1}/segments/${B}/partners?direction=up&min_count=2`)).rows).toMatchObject([{ segment: A }])
    expect((await json(`${R1}/segments/${C}/contacts`)).rows).toEqual([])
    expect((await json(`${R1}/segments/${A}/contacts`)).rows).toEqual([{ neighbour: B, area_nm2: 6400 }])
    expect(await json(`${R1}/path?from=${A}&to=${B}`)).toMatchObject({ segments: [A, B], synapses: [3] })
    expect(await json(`${R1}/path?from=${A}&to=${A}`)).toMatchObject({ segments: [A], synapses: [] })
    expect((await get(`${R1}/path?from=${B}&to=${A}`)).statusCode).toBe(404)
  })
})

describe('synapses', () => {
  const ids = (rows: { id: string }[]) => rows.map(r => r.id)
  const all = SYNAPSES.id.map(String)

  it('are found by partners, box and score', async () => {
    expect(ids((await json(`${R1}/synapses`)).rows)).toEqual(all)
    expect(ids((await json(`${R1}/synapses?pre=${A}&post=${C}`)).rows)).toEqual([all[3]])
    expect(ids((await json(`${R1}/synapses?post=${B}&min_score=0.65`)).rows)).toEqual([all[2], all[4]])
    expect(ids((await json(`${R1}/synapses?box=40,0,0,81,128,96`)).rows)).toEqual(all.slice(1, 4))
    expect((await json(`${R1}/synapses?columns=score,x&limit=1`)).columns.map((c: { name: string }) => c.name)).toEqual(
      ['id', 'score', 'x'],
    )
  })

  it('come page by page, of one release whatever its channel names meanwhile', async () => {
    const seen: string[] = []
    let next: string | null = '/api/v1/datasets/blobs/releases/published/synapses?limit=2'
    for (let pages = 0; next !== null; pages++) {
      const page: { rows: { id: string }[]; next: string | null } = await json(next)
      seen.push(...ids(page.rows))
      next = page.next
      if (next !== null) expect(next).toContain('/releases/r1/synapses?')
      expect(pages).toBeLessThan(4)
    }
    expect(seen).toEqual(all)
  })

  it('are the same rows as JSON, Arrow and Parquet', async () => {
    const url = `${R1}/synapses?columns=pre_segment,score`
    const arrow = await get(url, { accept: 'application/vnd.apache.arrow.stream' })
    expect(arrow.headers).toMatchObject({
      'content-type': 'application/vnd.apache.arrow.stream',
      'hillock-release': 'blobs/r1',
    })
    const rows = tableFromIPC(arrow.rawPayload)
      .toArray()
      .map(r => r.toJSON())
    expect(rows).toEqual(
      SYNAPSES.id.map((id, i) => ({ id, pre_segment: SYNAPSES.pre_segment[i], score: SYNAPSES.score[i] })),
    )
    const parquet = await get(url, { accept: 'application/vnd.apache.parquet' })
    const columns = await readParquet(parquet.rawPayload)
    expect(columns.map(c => [c.name, Array.from(c.data as ArrayLike<unknown>)])).toEqual([
      ['id', SYNAPSES.id],
      ['pre_segment', SYNAPSES.pre_segment],
      ['score', SYNAPSES.score],
    ])
  })
})

describe('voxels', () => {
  it('of a box are cut out exactly, at every mip, with 0 where the release has a hole', async () => {
    const box = { min: [60, 61, 62], max: [150, 100, 96] } as const
    const text = [...box.min, ...box.max].join(',')
    const ids = readNpy((await get(`${R1}/cutout/segmentation?box=${text}`)).rawPayload, 'ids')
    expect(ids.shape).toEqual(shapeOf(box))
    // Read back, the last axis is fastest.
    const at = (x: number, y: number, z: number): number => z + ids.shape[2]! * (y + ids.shape[1]! * x)
    const wanted = fill(new BigUint64Array(ids.data.length), box, 1, label)
    let i = 0
    let wrong = 0
    for (let z = 0; z < ids.shape[2]!; z++)
      for (let y = 0; y < ids.shape[1]!; y++)
        for (let x = 0; x < ids.shape[0]!; x++) if (ids.data[at(x, y, z)] !== wanted[i++]) wrong++
    expect(wrong).toBe(0)
    const hole = HOLE.split('_').map(v => 64 * Number(v)) as [number, number, number]
    const edge = boxAt([hole[0] - 1, hole[1] + 1, hole[2] + 1], [2, 1, 1])
    const em = readNpy((await get(`${R1}/cutout/em?box=${[...edge.min, ...edge.max].join(',')}`)).rawPayload, 'em')
    expect([...(em.data as Uint8Array)]).toEqual([grey(...edge.min), 0])
    const coarse = readNpy((await get(`${R1}/cutout/em?box=5,6,7,6,7,8&mip=1`)).rawPayload, 'em')
    expect(coarse.data[0]).toBe(grey(10, 12, 14))
  })
})

describe('SQL', () => {
  it('answers over the tables, also as Arrow', async () => {
    const sql = 'SELECT pre, sum(count) AS made FROM edges GROUP BY pre ORDER BY made DESC'
    expect((await post(`${R1}/sql`, { sql })).json()).toMatchObject({
      release: 'blobs/r1',
      rows: [
        { pre: A, made: 4 },
        { pre: C, made: 1 },
      ],
      complete: true,
    })
    const arrow = await post(`${R1}/sql`, { sql }, { accept: 'application/vnd.apache.arrow.stream' })
    expect(tableFromIPC(arrow.rawPayload).getChild('pre')!.get(0)).toBe(IDS[0])
  })

  it('is refused in words where it is none', async () => {
    const refused = await post(`${R1}/sql`, { sql: "SELECT * FROM read_csv('/etc/passwd')" })
    expect(refused.headers['content-type']).toBe('application/problem+json')
    expect(refused.json()).toMatchObject({ status: 400, detail: expect.stringContaining('read_csv') })
  })
})

describe('the typed client', () => {
  let client: QueryClient
  beforeAll(async () => (client = queryClient(await app.listen({ host: '127.0.0.1', port: 0 }))))

  it('asks and follows pages, and throws what the server refuses', async () => {
    const about = { dataset: 'blobs', release: 'published' }
    const { rows } = await client.partners({ ...about, segment: A, direction: 'down' })
    expect(rows.map(r => r['segment'])).toEqual([B, C])
    const seen: unknown[] = []
    for await (const row of client.rows(await client.synapses({ ...about, limit: 2, pre: A }))) seen.push(row['id'])
    expect(seen).toEqual(SYNAPSES.id.slice(0, 4).map(String))
    expect(await client.segmentsAt({ ...about, points: [[0, 0, 0]] })).toEqual({ release: 'blobs/r1', segments: ['0'] })
    expect((await client.sql({ ...about, sql: 'SELECT count(*) AS n FROM edges' })).rows).toEqual([{ n: 3 }])
    const npy = await client.cutout({ ...about, layer: 'em', box: '0,0,0,2,2,2' })
    expect(readNpy(npy, 'em').shape).toEqual([2, 2, 2])
    await expect(client.segment({ ...about, segment: '12' })).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('no segment 12'),
    })
  })

  it('every answer has the shape that the document says', async () => {
    const about = { dataset: 'blobs', release: 'r1' }
    await client.datasets({})
    await client.releases({ dataset: 'blobs' })
    await client.channel({ dataset: 'blobs', channel: 'published' })
    await client.release(about)
    await client.diff({ ...about, other: 'r0' })
    await client.lineage(about)
    await client.tables(about)
    await client.segment({ ...about, segment: A })
    await client.contacts({ ...about, segment: A })
    await client.path({ ...about, from: A, to: B })
    await client.segmentAt({ ...about, point: '1,2,3' })
    expect((await client.skeleton({ ...about, segment: A })).length).toBeGreaterThan(100)
  })
})

describe('what is asked wrongly', () => {
  const far = 10n ** 30n
  it.each<[string, number, string]>([
    ['/api/v1/datasets/nothing/releases', 404, 'nothing'],
    ['/api/v1/datasets/nothing/releases/r1', 404, 'nothing'],
    ['/api/v1/datasets/blobs/releases/r9', 404, 'r9'],
    ['/api/v1/datasets/blobs/releases/candidate', 404, 'candidate'],
    ['/api/v1/datasets/blobs/releases/2025-12-31T00:00:00Z', 404, '2025-12-31'],
    ['/api/v1/datasets/blobs/releases/2026-13-31T00:00:00Z', 404, '2026-13-31'],
    ['/api/v1/datasets/blobs/releases/2026-02-30T00:00:00Z', 404, '2026-02-30'],
    ['/api/v1/datasets/%ff/releases', 400, '%ff'],
    [`/api/v1/datasets/blobs/releases/${'x'.repeat(600)}`, 414, 'xxx'],
    ['/api/v1/datasets/blobs/releases/..%2f..', 404, '..'],
    ['/api/v1/datasets/blobs/channels/other', 400, 'channel'],
    ['/api/v1/datasets/blobs/channels/candidate', 404, 'candidate'],
    ['/api/v1/nothing', 404, 'nothing'],
    ['/api/v1/datasets/blobs/releases/r0/segments/1', 404, 'segments'],
    ['/api/v1/datasets/blobs/releases/r0/segment-at?point=1,2,3', 404, 'segmentation'],
    [`/api/v1/datasets/blobs/releases/r0/segments/1/skeleton`, 404, 'skeletons'],
    [`${R1}/segments/12`, 404, '12'],
    [`${R1}/segments/0`, 404, 'no segment 0'],
    [`${R1}/segments/-1`, 400, 'id'],
    [`${R1}/segments/1.5`, 400, 'id'],
    [`${R1}/segments/NaN`, 400, 'id'],
    [`${R1}/segments/${2n ** 64n}`, 400, 'id'],
    [`${R1}/segments/${far}`, 400, 'id'],
    [`${R1}/segments/12/partners`, 404, '12'],
    [`${R1}/segments/12/contacts`, 404, '12'],
    [`${R1}/segments/12/skeleton`, 404, '12'],
    [`${R1}/segments/${A}/skeleton?format=obj`, 400, 'format'],
    [`${R1}/segments/12/mesh`, 404, '12'],
    [`${R1}/segments/${A}/mesh?level=9`, 404, 'level 9'],
    [`${R1}/segments/${A}/mesh?level=x`, 400, 'level'],
    [`${R1}/segments/${A}/partners?direction=left`, 400, 'direction'],
    [`${R1}/segments/${A}/partners?min_count=0`, 400, 'min_count'],
    [`${R1}/segments/${A}/partners?limit=1000000`, 400, 'limit'],
    [`${R1}/segments/${A}/partners?offset=-1`, 400, 'offset'],
    [`${R1}/segments/${A}/partners?colour=red`, 400, 'colour'],
    [`${R1}/segment-at`, 400, 'point'],
    [`${R1}/segment-at?point=`, 400, 'point'],
    [`${R1}/segment-at?point=1,2`, 400, 'point'],
    [`${R1}/segment-at?point=NaN,1,2`, 400, 'point'],
    [`${R1}/segment-at?point=1e30,1,2`, 400, 'point'],
    [`${R1}/segment-at?point=${far},1,2`, 400, 'point'],
    [`${R1}/segment-at?point=-1,1,2`, 400, '-1'],
    [`${R1}/segment-at?point=160,1,2`, 400, '160'],
    [`${R1}/segment-at?point=1,2,3&point=1,2,3`, 400, 'point'],
    [`${R1}/synapses?pre=12`, 404, '12'],
    [`${R1}/synapses?pre=${A}&post=12`, 404, '12'],
    [`${R1}/synapses?box=0,0,0,0,1,1`, 400, '0,0,0,0,1,1'],
    [`${R1}/synapses?box=0,0,0,1000,1,1`, 400, '1000'],
    [`${R1}/synapses?min_score=2`, 400, 'min_score'],
    [`${R1}/synapses?min_score=NaN`, 400, 'min_score'],
    [`${R1}/synapses?min_score=`, 400, 'min_score'],
    [`${R1}/synapses?box=NaN,0,0,1,1,1`, 400, 'box'],
    [`${R1}/synapses?box=0,0,0,${far},1,1`, 400, 'box'],
    [`${R1}/synapses?box=-5,0,0,1,1,1`, 400, '-5'],
    [`${R1}/segments/${A}/partners?offset=`, 400, 'offset'],
    [`${R1}/synapses?columns=id,colour`, 400, 'colour'],
    [`${R1}/synapses?columns=id;DROP`, 400, 'DROP'],
    [`${R1}/synapses?colour=red`, 400, 'colour'],
    [`${R1}/synapses?after=x`, 400, 'after'],
    [`${R1}/path?from=${A}`, 400, 'to'],
    [`${R1}/path?from=12&to=${A}`, 404, '12'],
    [`${R1}/path?from=${A}&to=${B}&max_hops=99`, 400, 'max_hops'],
    [`${R1}/cutout/nothing?box=0,0,0,1,1,1`, 404, 'nothing'],
    [`${R1}/cutout/graph?box=0,0,0,1,1,1`, 404, 'graph'],
    [`${R1}/cutout/__proto__?box=0,0,0,1,1,1`, 404, '__proto__'],
    [`${R1}/cutout/em?box=0,0,0,1,1,1&mip=7`, 404, '7'],
    [`${R1}/cutout/em?box=0,0,0,100,100,100&mip=1`, 400, '100'],
    [`${R1}/cutout/em?box=0,0,0.5,1,1,1`, 400, '0.5'],
    [`${R1}/diff/r9`, 404, 'r9'],
    [`${R1}/slo`, 404, 'Temporal'],
  ])('%s', async (url, status, what) => {
    const answer = await get(url)
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([status, 'application/problem+json'])
    expect(answer.json().detail).toContain(what)
    expect(answer.json().todo).not.toBe('')
    for (const accept of ['application/vnd.apache.arrow.stream', 'application/vnd.apache.parquet'])
      expect((await get(url, { accept })).statusCode).toBe(status)
  })

  it.each<[object, number, string]>([
    [{}, 400, 'points'],
    [{ points: [] }, 400, 'points'],
    [{ points: [[1, 2]] }, 400, 'points'],
    [{ points: [[1, 2, null]] }, 400, 'points'],
    [{ points: [[1, 2, 1e30]] }, 400, 'outside'],
    [
      {
        points: [
          [1, 2, 3],
          [1, 2, -3],
        ],
      },
      400,
      'the 2. of 2',
    ],
    [{ points: Array.from({ length: 10_001 }, () => [1, 2, 3]) }, 400, 'at most 10000'],
    [{ points: Array.from({ length: 1_000_000 }, () => [1, 2, 3]) }, 413, 'large'],
  ])('points %#', async (body, status, what) => {
    const answer = await post(`${R1}/segments-at`, body)
    expect([answer.statusCode, answer.json().detail]).toEqual([status, expect.stringContaining(what)])
  })

  it('names another release that has what this one lacks', async () => {
    const objects = fileStore(fixture.folder)
    const graph = await artifactWith(objects, {
      'segments.parquet': [{ name: 'segment', data: BigUint64Array.of(5n) }],
    })
    await putRelease(objects, {
      ...fixture.release,
      release: 'r2',
      layers: { ...fixture.release.layers, synapses: graph, graph },
    })
    const refused = await get(`/api/v1/datasets/blobs/releases/r2/segments/${A}`)
    expect(refused.statusCode).toBe(404)
    expect(refused.json()).toMatchObject({
      detail: `release blobs/r2 has no segment ${A}`,
      todo: expect.stringContaining('blobs/r1 has'),
    })
    expect((await json(`${R1}/segments/5`)).todo).toContain('blobs/r2 has')
  })

  it.each(['1e400', 'SELECT 1e400', `SELECT ${'-'.repeat(10)}1e999`])('SQL %s', async sql => {
    expect((await post(`${R1}/sql`, { sql })).statusCode).toBe(400)
  })

  it('no other method than those', async () => {
    expect((await app.inject({ method: 'DELETE', url: R1 })).statusCode).toBe(405)
    expect((await post(R1, {})).statusCode).toBe(405)
    expect(
      (
        await app.inject({
          method: 'POST',
          url: `${R1}/sql`,
          payload: '{',
          headers: { 'content-type': 'application/json' },
        })
      ).statusCode,
    ).toBe(400)
  })

  it('none of it was an error of ours', () => expect(errors).toEqual([]))
})

describe('a table whose object is', () => {
  const fileOf = (path: string): string => {
    const { stage, recipe } = fixture.release.layers.graph!.artifacts!['all']!
    return join(fixture.folder, artifactKey(stage, recipe, path))
  }
  const cave = '/materialize/api/v3/datastack/blobs/version/2/table'
  const cypher = 'MATCH (n:Neuron) RETURN n.bodyId'
  it.each<[string, string, string, object?]>([
    ['contacts.parquet', 'contacts of a segment', `${R1}/segments/${A}/contacts`],
    ['segments.parquet', 'a segment', `${R1}/segments/${A}`],
    ['segments.parquet', 'the list of tables', `${R1}/tables`],
    ['edges-by-post.parquet', 'partners', `${R1}/segments/${A}/partners`],
    ['edges.parquet', 'a path', `${R1}/path?from=${A}&to=${B}`],
    ['synapses.parquet', 'synapses', `${R1}/synapses`],
    ['synapses.parquet', 'SQL', `${R1}/sql`, { sql: 'SELECT count(*) FROM synapses' }],
    ['segments.parquet', 'a query of CAVE', `${cave}/segments/query`, {}],
    ['synapses.parquet', 'a count of CAVE', `${cave}/synapses/count`],
    ['segments.parquet', 'a query of neuPrint', '/api/custom/custom', { cypher, dataset: 'blobs' }],
  ])('damaged or gone is named, and not served: %s for %s', async (path, _, url, payload) => {
    const file = fileOf(path)
    const whole = readFileSync(file)
    for (const damage of [() => writeFileSync(file, 'PAR1 is what it was'), () => rmSync(file)]) {
      damage()
      const fresh = createServer({ store: fileStore(fixture.folder), viewerDir: '/nonexistent' })
      for (const accept of ['application/json', 'application/vnd.apache.arrow.stream']) {
        const answer = await fresh.inject({ url, headers: { accept }, ...(payload && { method: 'POST', payload }) })
        expect(answer.statusCode, answer.body).toBe(503)
        expect(answer.body).toContain(path)
      }
      writeFileSync(file, whole)
      // And served again as soon as it is mended.
      const mended = await fresh.inject({ url, ...(payload && { method: 'POST', payload }) })
      expect(mended.statusCode, mended.body).toBe(200)
      await fresh.close()
    }
  })
})

it('the document has every route, and the page shows it', async () => {
  const document = await json('/openapi.json')
  expect(document.openapi).toBe('3.1.0')
  expect(Object.keys(document.paths)).toContain(
    '/api/v1/datasets/{dataset}/releases/{release}/segments/{segment}/partners',
  )
  const text = readFileSync(new URL('../../docs/serving.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ')
  const short = (path: string) => path.replace('/api/v1', '').replace('/datasets/{dataset}/releases/{release}', '…')
  interface Operation {
    readonly summary: string
    readonly parameters?: readonly { readonly in: string; readonly name: string }[]
  }
  for (const [path, methods] of Object.entries<Record<string, Operation>>(document.paths))
    for (const [method, { summary, parameters = [] }] of Object.entries(methods)) {
      const query = parameters.filter(p => p.in === 'query').map(p => `\`${p.name}\``)
      const row = `| \`${method.toUpperCase()} ${short(path)}\` | ${query.join(', ')} | ${summary} |`
      expect(text).toContain(row.replaceAll(/ +/g, ' '))
    }
  expect((await get('/api')).body).toContain('segments-at')
})
