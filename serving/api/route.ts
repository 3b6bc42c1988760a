// Makes routes of the table of endpoints: what comes in is checked by its schemas, rows go out as what the reader accepts.
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Endpoint } from '../../domain/api/endpoints.ts'
import { Problem as ProblemSchema } from '../../domain/api/schemas.ts'
import type { Release } from '../../domain/release.ts'
import { badRequest, Problem } from '../problem.ts'
import type { Rows } from '../query/duckdb.ts'
import { encode, jsonCell, MEDIA, type Format } from '../query/encode.ts'
import type { Engine, Query } from '../query/engine.ts'

export interface Asked<E extends Endpoint> {
  readonly params: z.output<E['params']>
  readonly query: z.output<E['query']>
  readonly body: E['body'] extends z.ZodType ? z.output<E['body']> : undefined
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Header that names the release that answered. */
export const RELEASE_HEADER = 'hillock-release'

function responses({ answer, media }: Endpoint): Record<string, unknown> {
  const others = media === 'rows' ? [MEDIA.arrow, MEDIA.parquet] : (media ?? [])
  const types = typeof media === 'object' ? media : [MEDIA.json, ...others]
  const binary = z.string().meta({ format: 'binary' })
  const content = Object.fromEntries(types.map(t => [t, { schema: t === MEDIA.json ? answer : binary }]))
  const problem = { description: 'What is wrong, and what to do', content: { [PROBLEM]: { schema: ProblemSchema } } }
  return { 200: { description: 'The answer', content }, '4xx': problem, '5xx': problem }
}

export const PROBLEM = 'application/problem+json'

type Given<T> = T extends object ? { readonly [K in keyof T]: Given<T[K]> } : T

/** Serves an endpoint. What its handler gives is sent as JSON, unless it has sent something itself. */
export function route<const E extends Endpoint>(
  app: FastifyInstance,
  endpoint: E,
  handler: (asked: Asked<E>) => Promise<Given<z.input<E['answer']>> | FastifyReply>,
): void {
  const { method, path: url, summary, params, query: querystring, body } = endpoint
  app.route({
    method,
    url,
    exposeHeadRoute: false,
    config: { role: 'viewer' },
    preValidation: async request => {
      // A number would be read as 0.
      for (const [name, value] of Object.entries(request.query as object))
        if (value === '') throw badRequest(`${name} has no value`, 'give it one, or leave it out')
    },
    schema: { summary, params, querystring, ...(body && { body }), response: responses(endpoint) },
    handler: async (request, reply) => {
      const { params, query, body } = request
      return handler({ params, query, body, request, reply } as Asked<E>)
    },
  })
  if (method === 'POST') onlyPost(app, url)
}

/** What is only asked with a body says so to whoever opens it. */
function onlyPost(app: FastifyInstance, url: string): void {
  app.get(url, { schema: { hide: true }, config: { role: 'viewer' } }, async () => {
    throw new Problem(405, 'this takes a body', 'send it by POST; the page at /api says what is in it', {
      allow: 'POST',
    })
  })
}

/** The form in which a reader wants rows. */
export function formatOf({ headers }: FastifyRequest): Format {
  const accept = headers.accept ?? ''
  return accept.includes('arrow') ? 'arrow' : accept.includes('parquet') ? 'parquet' : 'json'
}

/** Whether all rows are asked for, in a form that may have any number of them. */
export const wantsAll = (request: FastifyRequest): boolean =>
  formatOf(request) !== 'json' && !new URL(request.url, 'http://localhost').searchParams.has('limit')

/** Bytes as they are made; what goes wrong before the first of them is still an answer of its own. */
export async function sendBytes(
  reply: FastifyReply,
  type: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<FastifyReply> {
  const source = bytes[Symbol.asyncIterator]()
  let first: IteratorResult<Uint8Array> | undefined = await source.next()
  const primed: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => primed,
    async next() {
      const next = first ?? source.next()
      first = undefined
      return next
    },
    // Also where the reader has gone before the first.
    return: async value => (await source.return?.(value)) ?? { done: true, value },
  }
  return reply.type(type).send(Readable.from(primed, { objectMode: false }))
}

interface Page {
  readonly limit: number
  /** What the query of the next page has more than that of this one, by the last row of this. */
  readonly next: (last: Readonly<Record<string, unknown>>) => Record<string, string>
}

/**
 * Sends the rows of a query: a page of JSON, or as Arrow or Parquet as many as there are, unless the reader sets a limit.
 * @param query without a limit @param empty called where there are none
 */
export async function sendRows(
  { request, reply }: Pick<Asked<Endpoint>, 'request' | 'reply'>,
  engine: Engine,
  query: Query,
  { limit, next }: Page,
  empty: () => Promise<void>,
): Promise<FastifyReply> {
  reply.header('vary', 'accept')
  const format = formatOf(request)
  const own = new URL(request.url, 'http://localhost')
  if (format !== 'json') {
    const bound = wantsAll(request) ? '' : ` LIMIT ${limit}`
    const { columns, batches } = await engine.stream({ ...query, sql: query.sql + bound })
    return sendBytes(reply, MEDIA[format], encode(format, { columns, batches: notEmpty(batches, empty) }, {}))
  }
  const { columns, rows } = await engine.rows({ ...query, sql: `${query.sql} LIMIT ${limit + 1}` })
  if (rows.length === 0) await empty()
  const page = rows
    .slice(0, limit)
    .map(row => Object.fromEntries(columns.map(({ name, type }) => [name, jsonCell(row[name]!, type)])))
  if (rows.length > limit) for (const [k, v] of Object.entries(next(page.at(-1)!))) own.searchParams.set(k, v)
  const release = nameOf(query.release)
  const path = own.pathname.replace(/(\/releases\/)[^/]+/, (_, before: string) => before + query.release.release)
  return reply.send({ release, columns, rows: page, next: rows.length > limit ? path + own.search : null })
}

async function* notEmpty(batches: Rows['batches'], empty: () => Promise<void>): Rows['batches'] {
  let none = true
  for await (const batch of batches) {
    none = false
    yield batch
  }
  if (none) await empty()
}

export const nameOf = ({ dataset, release }: Release): string => `${dataset}/${release}`
