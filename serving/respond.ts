// Sends immutable bytes: entity tags, one byte range, cache headers.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ArtifactReader } from '../storage/artifacts.ts'
import { byteCache } from '../storage/stores/byte-cache.ts'
import { turns } from './turns.ts'

const BINARY = 'application/octet-stream'
const JSON_TYPE = 'application/json; charset=utf-8'

/** A release never changes, so neither does anything under its address. */
const FOREVER = 'public, max-age=31536000, immutable'

const RANGE = /^bytes=(\d*)-(\d*)$/i

/** First and last byte that a Range header asks of `size` bytes; undefined: none that we serve (several are answered whole); null: outside. */
function parseRange(header: string | undefined, size: number): { first: number; last: number } | null | undefined {
  const [, from, to] = RANGE.exec(header ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined
  if (from !== '' && to !== '' && Number(from) > Number(to)) return undefined
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const last = from === '' || to === '' ? size - 1 : Math.min(size - 1, Number(to))
  return first <= last ? { first, last } : null
}

/** RFC 9110, 13.1.2: a list of tags, compared weakly, or `*`. */
const names = (header: string | undefined, tag: string): boolean =>
  header !== undefined &&
  (header.trim() === '*' || [...header.matchAll(/"[\x21\x23-\x7e\x80-\xff]*"/g)].some(m => m[0] === tag))

/** Whole bodies that are large take their turn: each is in memory until it is sent. */
const LARGE = 8 << 20
const turn = turns(4, 64)

interface Body {
  readonly size: number
  readonly tag: string
  readonly whole: () => Promise<Uint8Array>
  part(offset: number, length: number): Promise<Uint8Array>
}

const buffer = (b: Uint8Array): Buffer => Buffer.from(b.buffer, b.byteOffset, b.byteLength)

/** Answers with a body of a release, or 304, or the part that the request's Range header names (206, 416). */
async function send(request: FastifyRequest, reply: FastifyReply, body: Body, type: string): Promise<FastifyReply> {
  const { size } = body
  const tag = `"${body.tag}"`
  reply.headers({ etag: tag, 'cache-control': FOREVER, 'accept-ranges': 'bytes', 'content-type': type })
  if (names(request.headers['if-none-match'], tag)) return reply.code(304).send()
  // The length is told without reading; an empty stream keeps the framework from counting the body.
  if (request.method === 'HEAD') return reply.header('content-length', size).send(Readable.from([]))
  const condition = request.headers['if-range']
  const range = condition === undefined || condition === tag ? parseRange(request.headers.range, size) : undefined
  if (range === null)
    return reply
      .code(416)
      .headers({ 'content-range': `bytes */${size}`, 'cache-control': 'no-store' })
      .send()
  if (range === undefined) return reply.send(buffer(await (size > LARGE ? turn(body.whole) : body.whole())))
  const part = await body.part(range.first, range.last - range.first + 1)
  return reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${size}`).send(buffer(part))
}

/** Outputs that readers around one place ask for again and again: in memory, held against their digests when they are read. */
const KEPT_BYTES = 256 << 20
/** Up to this size an output is read whole, whatever part of it is asked for. */
const SMALL = 1 << 20

/**
 * Sends outputs of artifacts. Of a large one a part is read as a part, and only what is sent whole is held against its digest.
 * @returns what gives undefined when the artifact has no such output
 */
export function outputSender(): (
  request: FastifyRequest,
  reply: FastifyReply,
  reader: ArtifactReader,
  path: string,
) => Promise<FastifyReply> | undefined {
  const kept = byteCache(KEPT_BYTES)
  return (request, reply, reader, path) => {
    const output = reader.output(path)
    if (!output) return undefined
    const { bytes: size, sha256: tag } = output
    const whole = (): Promise<Uint8Array> => kept.read(tag, () => reader.get(path))
    const part = async (offset: number, length: number): Promise<Uint8Array> =>
      size <= SMALL
        ? (await whole()).subarray(offset, offset + length)
        : kept.read(`${tag} ${offset} ${length}`, () => reader.getRange(path, offset, length))
    return send(request, reply, { size, tag, whole, part }, BINARY)
  }
}

export function sendJson(request: FastifyRequest, reply: FastifyReply, value: unknown): Promise<FastifyReply> {
  const bytes = Buffer.from(JSON.stringify(value))
  const tag = createHash('sha1').update(bytes).digest('base64url')
  const part: Body['part'] = async (offset, length) => bytes.subarray(offset, offset + length)
  return send(request, reply, { size: bytes.length, tag, whole: async () => bytes, part }, JSON_TYPE)
}
