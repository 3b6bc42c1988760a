// A fake of Google Cloud Storage as far as the store uses it, with faults: JSON API, multipart and resumable uploads, preconditions everywhere.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { crc32cBase64 } from '../../storage/stores/crc32c.ts'
import { faultPlan, type Fault, type FaultPlan, type Kind } from './faults.ts'

interface Stored {
  readonly bytes: Buffer
  readonly generation: string
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
}

interface Meta {
  readonly crc32c?: string
  readonly contentType?: string
  readonly metadata?: Record<string, string>
}

interface Session {
  readonly bucket: string
  readonly name: string
  readonly match: string | null
  readonly meta: Meta
  kept: Buffer
  done?: Stored
}

export interface FakeGcs {
  readonly url: string
  readonly plan: FaultPlan
  /** Objects by bucket and name, as they are. */
  readonly buckets: ReadonlyMap<string, Map<string, Stored>>
  /** Every write that took effect, those of the fake's own competitor left out. */
  readonly writes: { readonly name: string; readonly generation: string }[]
  /** Bytes of resumable uploads that came, by name: more than the object has where a part came twice. */
  readonly received: ReadonlyMap<string, number>
  stop(): Promise<void>
}

class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
/** What an upload that is cut leaves is a whole number of these. */
const GRAIN = 256 * 1024
/** Longer than a client under test waits. */
const STANDSTILL_MS = 2500

export async function startFakeGcs(
  buckets: readonly string[],
  seed = 1,
  rate = 0,
  without: readonly Fault[] = [],
): Promise<FakeGcs> {
  const plan = faultPlan(seed, rate, without)
  const state = new Map(buckets.map(b => [b, new Map<string, Stored>()]))
  const sessions = new Map<string, Session>()
  const writes: { name: string; generation: string }[] = []
  const received = new Map<string, number>()
  let clock = 1_700_000_000_000_000

  const resource = (bucket: string, name: string, o: Stored): object => ({
    kind: 'storage#object',
    bucket,
    name,
    generation: o.generation,
    metageneration: '1',
    size: String(o.bytes.length),
    crc32c: crc32cBase64(o.bytes),
    contentType: o.contentType,
    metadata: o.metadata,
  })

  function check(o: Stored | undefined, match: string | null, notMatch: string | null = null): void {
    if (match !== null && (o?.generation ?? '0') !== match)
      throw new Refusal(412, 'At least one of the pre-conditions you specified did not hold.')
    if (notMatch !== null && (o?.generation ?? '0') === notMatch) throw new Refusal(304, 'Not Modified')
  }

  function store(bucket: string, name: string, bytes: Buffer, meta: Meta): Stored {
    if (meta.crc32c !== undefined && meta.crc32c !== crc32cBase64(bytes))
      throw new Refusal(400, `Provided CRC32C "${meta.crc32c}" doesn't match calculated CRC32C.`)
    clock += 1 + (clock % 977)
    const stored = {
      bytes,
      generation: String(clock),
      contentType: meta.contentType ?? 'application/octet-stream',
      metadata: meta.metadata ?? {},
    }
    state.get(bucket)!.set(name, stored)
    writes.push({ name, generation: stored.generation })
    return stored
  }

  /** Somebody else writes first, where the request would have: the same bytes, or what is there already once more. */
  function compete(bucket: string, name: string, match: string | null, bytes: Buffer): void {
    const o = state.get(bucket)!.get(name)
    if (match === null || (o?.generation ?? '0') !== match) return
    plan.count('race lost')
    store(bucket, name, o?.bytes ?? bytes, { metadata: o?.metadata ?? {} })
    writes.pop()
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((e: unknown) => {
      if (response.headersSent || response.destroyed) return void response.destroy()
      const status = e instanceof Refusal ? e.status : 500
      json(response, status, { error: { code: status, message: (e as Error).message, errors: [] } })
    })
  })

  const json = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }

  /** Faults that come before the request takes effect. True when one struck. */
  function struckBefore(fault: Fault | undefined, request: IncomingMessage, response: ServerResponse): boolean {
    const code = parseInt(fault ?? '', 10)
    if (fault && code > 0) {
      plan.count(fault)
      request.resume()
      json(response, code, { error: { code, message: 'injected', errors: [] } })
      return true
    }
    if (fault === 'reset') {
      plan.count(fault)
      request.destroy()
      return true
    }
    return false
  }

  /** Answers a write that took effect, or loses the answer. */
  function told(fault: Fault | undefined, response: ServerResponse, status: number, body: object): void {
    if (fault === 'lost response') {
      plan.count(fault)
      response.destroy()
    } else if (fault === 'false 503') {
      plan.count(fault)
      json(response, 503, { error: { code: 503, message: 'injected', errors: [] } })
    } else json(response, status, body)
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://fake')
    const query = url.searchParams
    const path = /^(?:\/upload)?(?:\/storage\/v1)?\/b\/([^/]+)(?:\/o(?:\/(.+))?)?$/.exec(url.pathname)
    if (!path) throw new Refusal(404, 'Not Found')
    const bucket = decodeURIComponent(path[1]!)
    const objects = state.get(bucket)
    const name = path[2] === undefined ? undefined : decodeURIComponent(path[2])
    const method = request.method!
    const upload = url.pathname.startsWith('/upload/')
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    const kind: Kind =
      method === 'DELETE'
        ? 'remove'
        : upload
          ? query.get('uploadType') === 'multipart'
            ? 'write'
            : 'session'
          : query.get('alt') === 'media'
            ? range
              ? 'range'
              : 'read'
            : 'look'
    const fault = plan.next(kind)
    if (struckBefore(fault, request, response)) return
    if (!objects) throw new Refusal(404, 'The specified bucket does not exist.')
    if (upload) return receive(request, response, bucket, query, fault)
    if (name === undefined) return json(response, 200, list(bucket, query))
    const o = objects.get(name)
    if (!o) throw new Refusal(404, `No such object: ${bucket}/${name}`)
    check(o, query.get('ifGenerationMatch'), query.get('ifGenerationNotMatch'))
    if (method === 'DELETE') {
      objects.delete(name)
      return told(fault, response, 200, {})
    }
    if (kind === 'look') return send(response, fault, Buffer.from(JSON.stringify(resource(bucket, name, o))), 200, {})
    const hash = { 'x-goog-hash': `crc32c=${crc32cBase64(o.bytes)}`, 'x-goog-generation': o.generation }
    if (!range) return send(response, fault, o.bytes, 200, hash)
    const [from, to] = [Number(range[1]), Math.min(Number(range[2] || Infinity), o.bytes.length - 1)]
    if (from >= o.bytes.length) throw new Refusal(416, 'The requested range cannot be satisfied.')
    const part = { ...hash, 'content-range': `bytes ${from}-${to}/${o.bytes.length}` }
    send(response, fault, o.bytes.subarray(from, to + 1), 206, part)
  }

  function send(
    response: ServerResponse,
    fault: Fault | undefined,
    whole: Buffer,
    status: number,
    headers: Record<string, string>,
  ): void {
    const half = whole.subarray(0, whole.length >> 1)
    let body = whole
    const fits = fault !== undefined && whole.length > 1
    if (fits) plan.count(fault)
    if (fits && fault === 'short read') body = half
    if (fits && fault === 'flipped byte') {
      body = Buffer.from(whole)
      body[half.length]! ^= 1
    }
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length, ...headers })
    if (fits && fault === 'reset in mid-body') response.write(half, () => response.destroy())
    else if (fits && fault === 'slow stream') {
      response.write(half)
      setTimeout(() => response.end(whole.subarray(half.length)), STANDSTILL_MS).unref()
    } else response.end(body)
  }

  function list(bucket: string, query: URLSearchParams): object {
    const [prefix, start] = [query.get('prefix') ?? '', query.get('startOffset') ?? '']
    const after = Buffer.from(query.get('pageToken') ?? '', 'base64').toString()
    const size = Number(query.get('maxResults') ?? 1000)
    const names = [...state.get(bucket)!.keys()].filter(n => n.startsWith(prefix) && n >= start && n > after).sort()
    const items = names.slice(0, size).map(n => resource(bucket, n, state.get(bucket)!.get(n)!))
    const more = names.length > size ? { nextPageToken: Buffer.from(names[size - 1]!).toString('base64') } : {}
    return { kind: 'storage#objects', items, ...more }
  }

  async function bodyOf(request: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = []
    for await (const c of request) chunks.push(c as Buffer)
    return Buffer.concat(chunks)
  }

  async function receive(
    request: IncomingMessage,
    response: ServerResponse,
    bucket: string,
    query: URLSearchParams,
    fault: Fault | undefined,
  ): Promise<void> {
    const id = query.get('upload_id')
    if (id !== null) return proceed(request, response, sessions.get(id), fault)
    const name = query.get('name')!
    const match = query.get('ifGenerationMatch')
    const current = (): Stored | undefined => state.get(bucket)!.get(name)
    const body = await bodyOf(request)
    if (query.get('uploadType') === 'resumable') {
      if (fault === 'race lost') compete(bucket, name, match, Buffer.from('x'))
      check(current(), match)
      const fresh = String(sessions.size + 1)
      sessions.set(fresh, { bucket, name, match, meta: JSON.parse(body.toString()) as Meta, kept: Buffer.alloc(0) })
      if (fault === 'lost response' || fault === 'false 503') return told(fault, response, 200, {})
      const location = `http://${request.headers.host}/upload/storage/v1/b/${bucket}/o?uploadType=resumable&upload_id=${fresh}`
      return json(response, 200, {}, { location })
    }
    const [meta, bytes] = multipart(body, request.headers['content-type']!)
    if (fault === 'race lost') compete(bucket, name, match, bytes)
    check(current(), match)
    told(fault, response, 200, resource(bucket, name, store(bucket, name, bytes, meta)))
  }

  async function proceed(
    request: IncomingMessage,
    response: ServerResponse,
    s: Session | undefined,
    fault: Fault | undefined,
  ): Promise<void> {
    const body = await bodyOf(request)
    if (!s) throw new Refusal(404, 'No such upload')
    received.set(s.name, (received.get(s.name) ?? 0) + body.length)
    if (s.done) return json(response, 200, resource(s.bucket, s.name, s.done))
    const range = /^bytes (?:\*|(\d+)-(?:\d+|\*))\/(\d+|\*)$/.exec(request.headers['content-range'] ?? '')
    const incomplete = (): void => {
      const kept = s.kept.length ? { range: `bytes=0-${s.kept.length - 1}` } : {}
      response.writeHead(308, { 'content-length': 0, ...kept }).end()
    }
    if (!range || range[1] === undefined) return incomplete()
    if (Number(range[1]) !== s.kept.length) throw new Refusal(503, 'the chunk does not begin where the last one ended')
    const all = Buffer.concat([s.kept, body])
    if (fault === 'cut upload') {
      plan.count(fault)
      s.kept = all.subarray(0, Math.floor((s.kept.length + body.length / 2) / GRAIN) * GRAIN)
      return void response.destroy()
    }
    if (range[2] !== '*' && all.length < Number(range[2])) {
      s.kept = all
      return incomplete()
    }
    if (fault === 'race lost') compete(s.bucket, s.name, s.match, all)
    check(state.get(s.bucket)!.get(s.name), s.match)
    s.done = store(s.bucket, s.name, all, s.meta)
    told(fault, response, 200, resource(s.bucket, s.name, s.done))
  }

  server.keepAliveTimeout = 60_000
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    plan,
    buckets: state,
    writes,
    received,
    stop: () => {
      server.closeAllConnections()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

/** Metadata and bytes of a multipart/related upload. */
function multipart(body: Buffer, contentType: string): [Meta, Buffer] {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)![1]!
  const content = (from: number): number => body.indexOf('\r\n\r\n', from) + 4
  const first = content(0)
  const between = body.indexOf(`\r\n--${boundary}`, first)
  const second = content(between)
  const end = body.lastIndexOf(`\r\n--${boundary}--`)
  return [JSON.parse(body.subarray(first, between).toString()) as Meta, body.subarray(second, end)]
}
