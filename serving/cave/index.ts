// What caveclient sends: a dataset is a datastack, each move of its channel `published` a version, and versions never expire.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Release } from '../../domain/release.ts'
import { wrongFields } from '../../storage/lineage-record.ts'
import { channelMoves } from '../../storage/provenance/channel-moves.ts'
import type { Serving } from '../api/index.ts'
import { nameOf, sendBytes } from '../api/route.ts'
import { badRequest, notFound } from '../problem.ts'
import { isWrong } from '../query/duckdb.ts'
import { encode } from '../query/encode.ts'
import { chunkedgraph, tableOf } from './chunkedgraph.ts'
import { caveSql, CaveQuery, tableNamed, TABLES } from './query.ts'
import { anyone, viewer } from '../request.ts'

/** Of CAVE's services: as of which caveclient takes these for them. */
const INFO = '4.3.1'
const MATERIALIZATION = '5.13.0'
const NEVER = '2200-01-01T00:00:00.000000'
const BODY_BYTES = 8 << 20

interface Version {
  readonly version: number
  readonly release: string
  readonly at: number
}

interface Named {
  Params: { dataset: string; version: string; table: string }
  Querystring: { return_pyarrow?: string; count?: string; random_sample?: string }
}

const time = (at: number): string => new Date(at).toISOString().replace('Z', '000')

/** JSON as caveclient writes it: ids are numbers that no double holds. @throws Problem 400 */
function exact(text: string): unknown {
  const whole = (_: string, value: unknown, context: { source?: string }): unknown =>
    typeof value === 'number' && /^\d{16,20}$/.test(context.source ?? '') ? BigInt(context.source!) : value
  try {
    return JSON.parse(text, whole as (key: string, value: unknown) => unknown)
  } catch (e) {
    throw badRequest(`the body is not JSON: ${(e as Error).message}`, 'send it as caveclient does')
  }
}

export async function cave(app: FastifyInstance, serving: Serving): Promise<void> {
  const { objects, catalogue, engine, find } = serving
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: unknown, body: string) =>
    exact(body),
  )
  // What caveclient sends without saying what it is.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body)

  const versionsOf = async (dataset: string): Promise<Version[]> => {
    const moves = await channelMoves(objects, dataset, 'published')
    if (moves.length === 0) return [{ version: 1, release: await catalogue.resolve(dataset, 'published'), at: 0 }]
    return moves.flatMap(({ release, at }, i) => (release === null ? [] : [{ version: i + 1, release, at }]))
  }
  const versionNamed = async ({ dataset, version }: Named['Params']): Promise<Version> => {
    const all = await versionsOf(dataset)
    const found = all.find(v => String(v.version) === version)
    if (found) return found
    throw notFound(
      `${dataset} has no version ${version}`,
      `its versions are ${all.map(v => `${v.version} (release ${v.release})`).join(', ')}`,
    )
  }
  const open = async (request: FastifyRequest<Named>, reply: FastifyReply): Promise<Release> =>
    find(reply, request.params.dataset, (await versionNamed(request.params)).release)

  app.get('/info/version', anyone, async (_request, reply) => reply.send(JSON.stringify(INFO)))
  app.get('/materialize/version', anyone, async (_request, reply) => reply.send(JSON.stringify(MATERIALIZATION)))
  app.get('/materialize/api/versions', anyone, async () => [2, 3])
  app.get('/info/api/v2/datastacks', viewer, async request =>
    (await catalogue.datasetsFor(request)).map(d => d.dataset),
  )
  const originOf = (request: FastifyRequest): string => `${request.protocol}://${request.host}`
  const volumeOf = (request: FastifyRequest, release: Release): object => ({
    id: 1,
    name: release.dataset,
    display_name: release.dataset,
    description: `Release ${nameOf(release)}`,
    image_source: `precomputed://${originOf(request)}/r/${nameOf(release)}/em`,
  })
  app.get<Named>('/info/api/v2/datastack/full/:dataset', viewer, async (request, reply) => {
    const { dataset } = request.params
    const release = await find(reply, dataset, 'published')
    const segmentation = `precomputed://${originOf(request)}/${tableOf(release)}`
    const [x, y, z] = release.voxelSizeNm
    return {
      datastack: dataset,
      description: `Dataset ${dataset}, its published release ${release.release}`,
      local_server: originOf(request),
      aligned_volume: volumeOf(request, release),
      segmentation_source: segmentation,
      skeleton_source: `${segmentation}/skeleton`,
      synapse_table: 'synapses',
      soma_table: null,
      cell_identification_table: null,
      analysis_database: null,
      viewer_site: `${originOf(request)}/viewer/`,
      viewer_resolution_x: x,
      viewer_resolution_y: y,
      viewer_resolution_z: z,
    }
  })
  app.get<Named>('/info/api/v2/aligned_volume/:dataset', viewer, async (request, reply) =>
    volumeOf(request, await find(reply, request.params.dataset, 'published')),
  )

  chunkedgraph(app, serving, versionsOf, exact)

  const described = ({ version, at }: Version, dataset: string): object => ({
    id: version,
    version,
    datastack: dataset,
    valid: true,
    status: 'AVAILABLE',
    is_merged: true,
    time_stamp: time(at),
    expires_on: NEVER,
  })
  const metadataOf = (name: string, { voxelSizeNm: [x, y, z] }: Release, { at }: Version): object => {
    const { schema, description } = tableNamed(name)
    return {
      id: Object.keys(TABLES).indexOf(name) + 1,
      table_name: name,
      schema,
      schema_type: schema,
      valid: true,
      created: time(at),
      last_modified: time(at),
      description,
      notice_text: null,
      user_id: 'hillock',
      flat_segmentation_source: null,
      reference_table: null,
      voxel_resolution_x: x,
      voxel_resolution_y: y,
      voxel_resolution_z: z,
    }
  }

  /** Tables that a release has. */
  const tablesOf = ({ layers }: Release): string[] => (layers.graph ? Object.keys(TABLES) : [])

  for (const api of ['/materialize/api/v2', '/materialize/api/v3']) {
    const stack = `${api}/datastack/:dataset`
    const version = `${stack}/version/:version`
    app.get<Named>(`${stack}/versions`, viewer, async ({ params }) =>
      (await versionsOf(params.dataset)).map(v => v.version),
    )
    app.get<Named>(`${stack}/metadata`, viewer, async ({ params }) =>
      (await versionsOf(params.dataset)).map(v => described(v, params.dataset)),
    )
    app.get<Named>(version, viewer, async ({ params }) => described(await versionNamed(params), params.dataset))
    app.get<Named>(`${version}/tables`, viewer, async (request, reply) => tablesOf(await open(request, reply)))
    app.get<Named>(`${version}/tables/metadata`, viewer, async (request, reply) => {
      const [release, named] = [await open(request, reply), await versionNamed(request.params)]
      return tablesOf(release).map(t => metadataOf(t, release, named))
    })
    app.get<Named>(`${version}/table/:table/metadata`, viewer, async (request, reply) =>
      metadataOf(request.params.table, await open(request, reply), await versionNamed(request.params)),
    )
    app.get<Named>(`${version}/table/:table/count`, viewer, async (request, reply) => {
      const release = await open(request, reply)
      const from = { t: { table: tableNamed(request.params.table).table } }
      const { rows } = await engine.rows({ release, from, sql: 'SELECT count(*) AS n FROM t' })
      return Number(rows[0]!['n'])
    })
    app.get<Named>(`${version}/views`, viewer, async ({ params }) => {
      await versionNamed(params)
      return {}
    })
    const query = { ...viewer, bodyLimit: BODY_BYTES }
    app.post<Named>(`${version}/table/:table/query`, query, (request, reply) =>
      answer(request, reply, [[request.params.table, 'id']]),
    )
    app.post<Named>(`${version}/query`, query, (request, reply) => answer(request, reply, undefined))
    app.post(`${stack}/query`, viewer, async () => {
      throw badRequest(
        'live queries are not answered: releases do not change',
        'name a version (materialization_version)',
      )
    })
  }

  async function answer(
    request: FastifyRequest<Named>,
    reply: FastifyReply,
    single: readonly (readonly [string, string])[] | undefined,
  ): Promise<FastifyReply> {
    const parsed = CaveQuery.safeParse(request.body)
    if (!parsed.success)
      throw badRequest(`the query: ${wrongFields(parsed.error.issues)}`, 'send it as caveclient does')
    if (request.query.random_sample !== undefined || request.query.count !== undefined)
      throw badRequest('samples and counts are not answered', 'ask for the rows, or GET …/count')
    const names = single ?? parsed.data.tables
    if (!names) throw badRequest('the query names no tables', 'give them as [[table, column], [table, column]]')
    const release = await open(request, reply)
    const { sql, from, columns } = caveSql(parsed.data, names, release.voxelSizeNm)
    reply.headers({
      'cache-control': 'no-cache',
      dataframe_resolution: (parsed.data.desired_resolution ?? release.voxelSizeNm).join(', '),
      column_names: JSON.stringify(columns),
    })
    try {
      const rows = await engine.stream({ release, from, sql })
      if (request.query.return_pyarrow?.toLowerCase() === 'false')
        return await sendBytes(reply, 'application/json', encode('json', rows, { release: nameOf(release) }))
      return await sendBytes(reply, 'data.arrow', encode('arrow', rows, {}))
    } catch (error) {
      throw isWrong(error) ? badRequest((error as Error).message, 'correct the filters') : error
    }
  }
}
