// CAVE's chunkedgraph for reading: a release is one state of the graph, published at a time; its roots are segments, its leaves supervoxels.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Box } from '../../domain/geometry.ts'
import type { Release } from '../../domain/release.ts'
import { mapBounded } from '../../storage/bounded.ts'
import type { Serving } from '../api/index.ts'
import { badRequest, notFound } from '../problem.ts'
import { isId } from '../query/duckdb.ts'
import { supervoxels } from './supervoxels.ts'
import { anyone, viewer } from '../request.ts'

interface Asked {
  Params: { dataset: string; id: string }
  Querystring: { timestamp?: string; bounds?: string; stop_layer?: string }
}

/** Ids of a question: of one that is a single look-up, and of one that is a look-up for each. */
const MOST = 100_000
const MOST_ROOTS = 1000
const Ids = z.object({ node_ids: z.array(z.union([z.number().int().nonnegative(), z.bigint().nonnegative()])) })

/** The segmentation of a release, by a name whose last part is that of the table which chunkedgraph is asked about. */
export const tableOf = ({ dataset, release }: Release): string => `segmentation/table/${dataset}:${release}`
/** Where what is asked about such a table lies: its layer under the address of the release, its graph under that of the dataset. */
export const urlOfTable = (url: string): string =>
  url.replace(
    /^\/segmentation\/(api\/v1\/)?table\/([^/:?]+)(?::|%3A)([^/?]+)\//i,
    (_, graph: string | undefined, dataset: string, release: string) =>
      graph ? `/segmentation/api/v1/table/${dataset}/` : `/r/${dataset}/${release}/segmentation/`,
  )

/** @param publishedIn releases that `published` has named, the newest last @param exact JSON whose ids stay whole */
export function chunkedgraph(
  app: FastifyInstance,
  serving: Serving,
  publishedIn: (dataset: string) => Promise<readonly { readonly release: string; readonly at: number }[]>,
  exact: (text: string) => unknown,
): void {
  const { find, catalogue, known } = serving
  const graph = supervoxels(serving)
  /** The release that `published` named at the time that is asked about, or names now. */
  const openAt = (request: FastifyRequest<Asked>, reply: FastifyReply): Promise<Release> => {
    const { timestamp } = request.query
    const at = timestamp === undefined ? undefined : new Date(Math.round(Number(timestamp) * 1000))
    if (at && Number.isNaN(at.getTime()))
      throw badRequest(`timestamp=${timestamp} is no time`, 'give seconds since 1970')
    return find(reply, request.params.dataset, at?.toISOString() ?? 'published')
  }
  /** The newest published release that has a segment. @throws Problem 404 that says which other one has it */
  const openWith = async (dataset: string, segment: bigint): Promise<Release> => {
    const published = await publishedIn(dataset)
    for (const { release: name } of published.toReversed()) {
      const release = await catalogue.open(dataset, name)
      if ((await known.rowOf(release, String(segment))).rows.length > 0) return release
    }
    return catalogue.open(dataset, published.at(-1)!.release)
  }
  const idsOf = (body: unknown, most: number): bigint[] => {
    const asked = Ids.safeParse(Buffer.isBuffer(body) ? exact(String(body)) : body)
    if (!asked.success || asked.data.node_ids.length > most)
      throw badRequest(`the body is not {"node_ids": [...]} with up to ${most} ids`, 'ask for fewer at a time')
    return asked.data.node_ids.map(BigInt)
  }
  const idOf = ({ params: { id } }: FastifyRequest<Asked>): bigint => {
    if (isId(id)) return BigInt(id)
    throw badRequest(`${id} is no id`, 'give a uint64 in decimals')
  }
  const boxOf = ({ query: { bounds } }: FastifyRequest<Asked>): Box | undefined => {
    if (bounds === undefined) return undefined
    const found = /^(\d{1,15})-(\d{1,15})_(\d{1,15})-(\d{1,15})_(\d{1,15})-(\d{1,15})$/
      .exec(bounds)
      ?.slice(1)
      .map(Number)
    if (!found) throw badRequest(`bounds=${bounds} is no box`, 'give voxels as x0-x1_y0-y1_z0-z1')
    const [x0, x1, y0, y1, z0, z1] = found as [number, number, number, number, number, number]
    return { min: [x0, y0, z0], max: [x1, y1, z1] }
  }
  const wholeLayers = ({ query: { stop_layer: layer } }: FastifyRequest<Asked>): void => {
    if (layer === undefined) return
    throw badRequest(`there are no nodes of layer ${layer}`, 'a segment consists of supervoxels: leave stop_layer out')
  }
  const sendJson = (reply: FastifyReply, text: string): FastifyReply =>
    reply.type('application/json').send(Buffer.from(text))

  const table = '/segmentation/api/v1/table/:dataset'
  app.get('/segmentation/api/versions', anyone, async () => [1])
  app.get<Asked>(`${table}/oldest_timestamp`, viewer, async request => {
    const [first] = await publishedIn(request.params.dataset)
    return { iso: new Date(first!.at).toISOString() }
  })
  app.get<Asked>(`${table}/node/:id/root`, viewer, async (request, reply) => {
    wholeLayers(request)
    const [root] = await graph.rootsOf(await openAt(request, reply), [idOf(request)])
    return sendJson(reply, `{"root_id":${root}}`)
  })
  app.post<Asked>(`${table}/roots_binary`, viewer, async (request, reply) => {
    wholeLayers(request)
    const { body } = request
    if (!Buffer.isBuffer(body) || body.length % 8 !== 0)
      throw badRequest('the body is not a list of uint64', 'send it as caveclient does')
    const ids = Array.from({ length: body.length / 8 }, (_, i) => body.readBigUInt64LE(8 * i))
    const roots = BigUint64Array.from(await graph.rootsOf(await openAt(request, reply), ids))
    return reply.type('application/octet-stream').send(Buffer.from(roots.buffer))
  })
  // Below a segment there are supervoxels and nothing between: they are the nodes of any layer.
  app.get<Asked>(`${table}/node/:id/leaves`, viewer, async (request, reply) => {
    const root = idOf(request)
    const leaves = await graph.leavesOf(await openWith(request.params.dataset, root), root, boxOf(request))
    return sendJson(reply, `{"leaf_ids":[${leaves.join(',')}]}`)
  })
  app.post<Asked>(`${table}/node/leaves_many`, viewer, async (request, reply) => {
    const [dataset, box] = [request.params.dataset, boxOf(request)]
    const all = await mapBounded(idsOf(request.body, MOST_ROOTS), 4, async root => {
      const leaves = await graph.leavesOf(await openWith(dataset, root), root, box)
      return `"${root}":[${leaves.join(',')}]`
    })
    return sendJson(reply, `{${all.join(',')}}`)
  })
  app.post<Asked>(`${table}/is_latest_roots`, viewer, async (request, reply) => {
    const ids = idsOf(request.body, MOST)
    const there = await graph.segmentsAmong(await openAt(request, reply), ids)
    return { is_latest: ids.map(id => there.has(id)) }
  })
  const nothingElse = async (): Promise<never> => {
    throw notFound(
      'chunkedgraph answers no more than roots at a time, leaves and is_latest_roots: nobody edits a release',
      '`hillock release diff` compares two releases; other segments are made by another run (hillock plan)',
    )
  }
  app.get(`${table}/*`, viewer, nothingElse)
  app.post(`${table}/*`, viewer, nothingElse)
}
