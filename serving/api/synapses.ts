// Endpoints about synapses, and SQL of the reader's own.
import type { FastifyInstance } from 'fastify'
import { endpoints } from '../../domain/api/endpoints.ts'
import { badRequest } from '../problem.ts'
import { MEDIA } from '../query/encode.ts'
import type { Use } from '../query/tables.ts'
import { boxOf } from './volumes.ts'
import type { Serving } from './index.ts'
import { formatOf, nameOf, route, sendBytes, sendRows, wantsAll } from './route.ts'
import { uint64 } from './find.ts'

export function synapseRoutes(app: FastifyInstance, { engine, find, known, sql }: Serving): void {
  route(app, endpoints.synapses, async asked => {
    const { params, query, reply } = asked
    const release = await find(reply, params.dataset, params.release)
    const { pre, post } = query
    const box = query.box === undefined ? undefined : boxOf(release, query.box)
    const use: Use =
      pre !== undefined
        ? { table: 'synapses-by-pre', segments: [BigInt(pre)] }
        : post !== undefined
          ? { table: 'synapses-by-post', segments: [BigInt(post)] }
          : { table: 'synapses', ...(box && { box }) }
    const where = ['true']
    if (pre !== undefined) where.push(`pre_segment = ${uint64(pre)}`)
    if (post !== undefined) where.push(`post_segment = ${uint64(post)}`)
    if (query.min_score !== undefined) where.push(`score >= ${query.min_score}::FLOAT`)
    if (query.after !== undefined) where.push(`id > ${uint64(query.after)}`)
    if (box) where.push(...['x', 'y', 'z'].map((axis, a) => `${axis} >= ${box.min[a]} AND ${axis} < ${box.max[a]}`))
    const from = { s: use }
    let columns = '*'
    if (query.columns !== undefined) {
      const all = (await engine.rows({ release, from, sql: 'SELECT * FROM s LIMIT 0' })).columns.map(c => c.name)
      const asked = query.columns.split(',').map(c => c.trim())
      for (const c of asked)
        if (!all.includes(c)) throw badRequest(`synapses have no column ${c}`, `name some of ${all.join(', ')}`)
      columns = [...new Set(['id', ...asked])].join(', ')
    }
    // All of a table come as they lie: to sort them takes the memory of all.
    const order = wantsAll(asked.request) ? '' : ' ORDER BY id'
    return sendRows(
      asked,
      engine,
      { release, from, sql: `SELECT ${columns} FROM s WHERE ${where.join(' AND ')}${order}` },
      { limit: query.limit, next: last => ({ after: String(last['id']) }) },
      async () => {
        for (const id of [pre, post]) if (id !== undefined) await known.mustHave(release, id)
      },
    )
  })

  route(app, endpoints.sql, async ({ params, body, request, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const format = formatOf(request)
    const head = { release: nameOf(release) }
    const bytes = await sql({ release, sql: body.sql, format, head, most: body.limit })
    return sendBytes(reply, MEDIA[format], bytes)
  })
}
