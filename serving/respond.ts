// Sends immutable bytes: entity tags, one byte range, cache headers.
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A release never changes, so neither does anything under its address. */
const FOREVER = 'public, max-age=31536000, immutable'

const RANGE = /^bytes=(\d*)-(\d*)$/

/** First and last byte that a Range header asks of `size` bytes; undefined: no range that we serve; null: outside. */
function parseRange(header: string | undefined, size: number): { first: number; last: number } | null | undefined {
  const match = header === undefined ? null : RANGE.exec(header)
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const [, from, to] = match as unknown as [string, string, string]
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const last = from === '' || to === '' ? size - 1 : Math.min(size - 1, Number(to))
  return first <= last ? { first, last } : null
}

/** Answers with `bytes` of a release, or 304, or the part that the request's Range header names (206, 416). */
export function sendImmutable(
  request: FastifyRequest,
  reply: FastifyReply,
  bytes: Uint8Array,
  type: string,
): FastifyReply {
  const tag = `"${createHash('sha1').update(bytes).digest('base64url')}"`
  reply.headers({ etag: tag, 'cache-control': FOREVER, 'accept-ranges': 'bytes', 'content-type': type })
  if (request.headers['if-none-match']?.split(/\s*,\s*/).includes(tag)) return reply.code(304).send()
  const condition = request.headers['if-range']
  const range =
    condition === undefined || condition === tag ? parseRange(request.headers.range, bytes.length) : undefined
  if (range === null) return reply.code(416).header('content-range', `bytes */${bytes.length}`).send()
  if (range === undefined) return reply.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${bytes.length}`)
  return reply.send(Buffer.from(bytes.buffer, bytes.byteOffset + range.first, range.last - range.first + 1))
}

export const sendJson = (request: FastifyRequest, reply: FastifyReply, value: unknown): FastifyReply =>
  sendImmutable(request, reply, Buffer.from(JSON.stringify(value)), 'application/json; charset=utf-8')
