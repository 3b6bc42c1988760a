// Endpoints about segments: at points, one by its id, its skeleton, what it touches, its partners, the way to another.
import type { FastifyInstance } from 'fastify'
import { endpoints } from '../../domain/api/endpoints.ts'
import type { Release } from '../../domain/release.ts'
import { notFound, type Problem } from '../problem.ts'
import { jsonCell } from '../query/encode.ts'
import type { Query } from '../query/engine.ts'
import type { Serving } from './index.ts'
import { nameOf, route, sendBytes, sendRows } from './route.ts'
import { uint64 } from './find.ts'
import { shortestPath } from './path.ts'
import { meshOf, obj, skeletonOf, swc } from './objects.ts'

const SIDES = {
  down: { table: 'edges', own: 'pre', other: 'post' },
  up: { table: 'edges-by-post', own: 'post', other: 'pre' },
} as const

interface Wanted {
  readonly direction: 'up' | 'down' | 'both'
  readonly min_count: number
  readonly offset: number
}

/** Segments that make synapses onto a segment (up) or that it makes synapses onto (down), those with most first. */
export function partnersOf(release: Release, segment: string, { direction, min_count, offset }: Wanted): Query {
  const wanted = direction === 'both' ? (['up', 'down'] as const) : [direction]
  const parts = wanted.map(
    side => `SELECT '${side}' AS direction, ${SIDES[side].other} AS segment, * EXCLUDE (pre, post) FROM ${side}
        WHERE ${SIDES[side].own} = ${uint64(segment)} AND count >= ${min_count}`,
  )
  return {
    release,
    from: Object.fromEntries(wanted.map(s => [s, { table: SIDES[s].table, segments: [BigInt(segment)] }])),
    sql: `${parts.join(' UNION ALL ')} ORDER BY count DESC, segment, direction OFFSET ${offset}`,
  }
}

/** Pages of rows in an order of their own. */
const byOffset = ({ limit, offset }: { limit: number; offset: number }) => ({
  limit,
  next: () => ({ offset: String(offset + limit) }),
})

export function segmentRoutes(app: FastifyInstance, { catalogue, engine, find, volumes, known }: Serving): void {
  route(app, endpoints.segmentAt, async ({ params, query, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const point = query.point.split(',').map(Number)
    const [segment] = await volumes.segmentsAt(release, [point])
    return { release: nameOf(release), point, segment: String(segment) }
  })

  route(app, endpoints.segmentsAt, async ({ params, body, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const segments = await volumes.segmentsAt(release, body.points)
    return { release: nameOf(release), segments: segments.map(String) }
  })

  route(app, endpoints.segment, async ({ params, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const { columns, rows } = await known.rowOf(release, params.segment)
    if (rows.length === 0) await known.mustHave(release, params.segment)
    const at = `/r/${nameOf(release)}/segmentation`
    const own = `/api/v1/datasets/${release.dataset}/releases/${release.release}/segments/${params.segment}`
    return {
      release: nameOf(release),
      segment: Object.fromEntries(columns.map(c => [c.name, jsonCell(rows[0]![c.name]!, c.type)])),
      links: {
        meshes: `${at}/mesh`,
        mesh: `${own}/mesh`,
        skeletons: `${at}/skeleton`,
        skeleton: `${own}/skeleton`,
        partners: `${own}/partners`,
        contacts: `${own}/contacts`,
        page: `/neuron/${nameOf(release)}/${params.segment}`,
        viewer: `/view/${nameOf(release)}?segments=${params.segment}`,
      },
    }
  })

  const without = async (release: Release, segment: string, what: 'skeleton' | 'mesh'): Promise<Problem> => {
    await known.mustHave(release, segment)
    return notFound(
      `segment ${segment} of release ${nameOf(release)} has no ${what}`,
      `segments that are small have none: see the parameters of the stage ${what}`,
    )
  }

  route(app, endpoints.skeleton, async ({ params, query, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const bytes = await skeletonOf(catalogue.artifacts, release, BigInt(params.segment))
    if (!bytes) throw await without(release, params.segment, 'skeleton')
    if (query.format === 'precomputed') return reply.type('application/octet-stream').send(Buffer.from(bytes))
    return reply.type('text/plain; charset=utf-8').send(swc(bytes, `segment ${params.segment} of ${nameOf(release)}`))
  })

  route(app, endpoints.mesh, async ({ params, query, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const mesh = await meshOf(catalogue.artifacts, release, BigInt(params.segment), query.level)
    if (!mesh) throw await without(release, params.segment, 'mesh')
    return sendBytes(reply, 'model/obj', obj(mesh, `segment ${params.segment}`))
  })

  route(app, endpoints.contacts, async asked => {
    const { params, query, reply } = asked
    const release = await find(reply, params.dataset, params.release)
    const segments = [BigInt(params.segment)]
    const sql = `SELECT * EXCLUDE (segment) FROM c WHERE segment = ${uint64(params.segment)}
      ORDER BY area_nm2 DESC, neighbour OFFSET ${query.offset}`
    return sendRows(
      asked,
      engine,
      { release, from: { c: { table: 'contacts', segments } }, sql },
      byOffset(query),
      () => known.mustHave(release, params.segment),
    )
  })

  route(app, endpoints.partners, async asked => {
    const { params, query, reply } = asked
    const release = await find(reply, params.dataset, params.release)
    return sendRows(asked, engine, partnersOf(release, params.segment, query), byOffset(query), () =>
      known.mustHave(release, params.segment),
    )
  })

  route(app, endpoints.path, async ({ params, query, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const [from, to] = [BigInt(query.from), BigInt(query.to)]
    await known.mustHave(release, query.from)
    await known.mustHave(release, query.to)
    const path = await shortestPath(engine, release, from, to, query)
    if (!path)
      throw notFound(
        `no way of at most ${query.max_hops} synapses leads from segment ${from} to ${to}`,
        'allow more hops or fewer synapses of a pair, or ask for the way back',
      )
    return { release: nameOf(release), segments: path.segments.map(String), synapses: path.synapses }
  })
}
