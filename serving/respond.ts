// Sends immutable bytes: entity tags, one byte range, cache headers.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ArtifactReader } from '../storage/artifacts.ts'

const BINARY = 'application/octet-stream'

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

interface Body {
  readonly size: number
  readonly tag: string
  whole(): Promise<Uint8Array>
  part(offset: number, length: number): Promise<Uint8Array>
}

const buffer = (b: Uint8Array): Buffer => Buffer.from(b.buffer, b.byteOffset, b.byteLength)

/** Answers with a body of a release, or 304, or the part that the request's Range header names (206, 416). */
async function send(request: FastifyRequest, reply: FastifyReply, body: Body, type: string): Promise<FastifyReply> {
  const { size } = body
  const tag = `"${body.tag}"`
  reply.headers({ etag: tag, 'cache-control': FOREVER, 'accept-ranges': 'bytes', 'content-type': type })
  if (request.headers['if-none-match']?.split(/\s*,\s*/).includes(tag)) return reply.code(304).send()
  const condition = request.headers['if-range']
  const range = condition === undefined || condition === tag ? parseRange(request.headers.range, size) : undefined
  if (range === null) return reply.code(416).header('content-range', `bytes */${size}`).send()
  // The length is told without reading; an empty stream keeps the framework from counting the body.
  if (request.method === 'HEAD') return reply.header('content-length', size).send(Readable.from([]))
  if (range === undefined) return reply.send(buffer(await body.whole()))
  const part = await body.part(range.first, range.last - range.first + 1)
  return reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${size}`).send(buffer(part))
}

const sendImmutable = (
  request: FastifyRequest,
  reply: FastifyReply,
  bytes: Uint8Array,
  type: string,
): Promise<FastifyReply> =>
  send(
    request,
    reply,
    {
      size: bytes.length,
      tag: createHash('sha1').update(bytes).digest('base64url'),
      whole: async () => bytes,
      part: async (offset, length) => bytes.subarray(offset, offset + length),
    },
    type,
  )

/**
 * An output of an artifact, of which a part is read as a part. Only what is sent whole is held against its digest.
 * @returns undefined when the artifact has no such output
 */
export function sendOutput(
  request: FastifyRequest,
  reply: FastifyReply,
  reader: ArtifactReader,
  path: string,
): Promise<FastifyReply> | undefined {
  const output = reader.output(path)
  return (
    output &&
    send(
      request,
      reply,
      {
        size: output.bytes,
        tag: output.sha256,
        whole: () => reader.get(path),
        part: (offset, length) => reader.getRange(path, offset, length),
      },
      BINARY,
    )
  )
}

export const sendJson = (request: FastifyRequest, reply: FastifyReply, value: unknown): Promise<FastifyReply> =>
  sendImmutable(request, reply, Buffer.from(JSON.stringify(value)), 'application/json; charset=utf-8')
