// What a request must be before anything is looked up for it: a method that is answered at all, a host that is ours, single values.
import { fromKey, type Vec3 } from '../domain/geometry.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { LOOPBACK } from '../client/processes/serving-host.ts'
import { badRequest, Problem } from './problem.ts'

const METHODS = ['GET', 'HEAD', 'OPTIONS']
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::\d{1,5})?$/

/**
 * @param names hosts by which a server on loopback is called beside localhost: a page elsewhere whose name was pointed here
 * (DNS rebinding) must not read it. Undefined where the server listens for other machines anyway.
 * @throws Problem 405, 400 or 421
 */
export function checkRequest(request: FastifyRequest, names: readonly string[] | undefined): void {
  if (request.is404 && !METHODS.includes(request.method))
    throw new Problem(405, `${request.method}: what is here is only read`, 'use GET or HEAD', {
      allow: METHODS.join(', '),
    })
  const host = HOST.exec((request.headers.host ?? '').toLowerCase())?.[1]
  if (host === undefined) throw badRequest('the Host header is no name of a host', 'correct the request')
  if (names && !LOOPBACK.test(host) && !names.includes(host))
    throw new Problem(
      421,
      `this server is not ${host}: it answers to localhost`,
      'open it as localhost, or start it with HILLOCK_SERVING_NAMES set to the names that lead to it, separated by commas',
    )
}

/** A key of the query that stands there once, or not at all. @throws Problem 400 */
export function queryOf(request: FastifyRequest, key: string): string | undefined {
  const value = (request.query as Readonly<Record<string, unknown>>)[key]
  if (value !== undefined && typeof value !== 'string')
    throw badRequest(`${key} stands more than once in the address`, 'give it once')
  return value?.trim() || undefined
}

/** Three whole numbers, as people write and copy them; undefined for anything else. */
export const pointOf = (text: string): Vec3 | undefined =>
  /^-?\d{1,15}(\s*[,_ ]\s*-?\d{1,15}){2}$/.test(text) ? fromKey(text.split(/[\s,_]+/).join('_')) : undefined

export const wantsJson = (request: FastifyRequest): boolean => 'json' in (request.query as object)
export const isBrowser = (request: FastifyRequest): boolean => request.headers.accept?.includes('text/html') ?? false

export const sendPage = (reply: FastifyReply, text: string): FastifyReply =>
  reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(text)

/** Options of routes: who may ask. */
export const viewer = { config: { role: 'viewer' } } as const
export const anyone = { config: { role: 'anyone' } } as const
/** What is made as a whole before it is sent, such as a page, is given up after so long. */
export const viewerPage = { ...viewer, handlerTimeout: 120_000 } as const
