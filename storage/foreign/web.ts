// Files behind HTTP: what is not there, what is refused and what passes are told apart; hosts that give no ranges; proxies.
import { setGlobalProxyFromEnv } from 'node:http'
import { configError, HillockError } from '../../domain/errors.ts'
import { sha256 } from '../../domain/recipe.ts'
import { byteCache } from '../stores/byte-cache.ts'
import type { Files } from './files.ts'

type Bytes = Uint8Array<ArrayBuffer>
interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Bytes
}

/** Answers that may go away by themselves are tried again so often, after 0.5 and 1 second; activities are retried beside that. */
const TRIES = 3
/** For an answer to begin. */
const PATIENCE_MS = 30_000
/** Files kept whole of a host that gives no ranges; larger ones are not read from it. */
const WHOLE_BYTES = 1 << 28

let proxied: boolean | undefined
/** `http_proxy`, `https_proxy` and `no_proxy` as other tools understand them; this machine itself is never asked through one. */
function heedProxy(): void {
  if (proxied !== undefined) return
  const { http_proxy, HTTP_PROXY, https_proxy, HTTPS_PROXY, no_proxy, NO_PROXY } = process.env
  const [http, https] = [http_proxy ?? HTTP_PROXY, https_proxy ?? HTTPS_PROXY]
  proxied = Boolean(http ?? https)
  if (!proxied) return
  setGlobalProxyFromEnv({
    ...(http && { http_proxy: http }),
    ...(https && { https_proxy: https }),
    no_proxy: [no_proxy ?? NO_PROXY, 'localhost', '127.0.0.1', '[::1]'].filter(Boolean).join(),
  })
}

const codeOf = (e: unknown): string | undefined =>
  e instanceof Error ? (codeOf(e.cause) ?? (e as NodeJS.ErrnoException).code) : undefined

/** What `fetch failed` hides: no such host, nobody there, a certificate. */
function causeOf(e: Error): string {
  const causes: string[] = []
  for (let c: unknown = e; c instanceof Error; c = c.cause) {
    const inner = c instanceof AggregateError ? (c.errors[0] as Error) : c
    const { code } = inner as NodeJS.ErrnoException
    causes.push(code && !inner.message.includes(code) ? `${inner.message} (${code})` : inner.message)
  }
  const text = [...new Set(causes)].filter(Boolean).join(': ')
  const why = text.replace(/bad port$/, 'the port is one of those that are refused to clients of the web')
  return proxied ? `${why} (http_proxy or https_proxy is set, and heeded)` : why
}

/**
 * @param url as it was given, for messages
 * @param address the same as http(s)://, with the query that every request is to carry
 * @param account headers that say for whom it is asked
 */
export function web(
  url: string,
  address: string,
  account: () => Promise<Record<string, string>> = async () => ({}),
): Files {
  heedProxy()
  if (/^https?:\/\/[^/?#]*@/i.test(address))
    throw configError(
      `${address.replace(/\/\/[^/?#]*@/, '//...@')}: a name and password in an address are not read; serve the files without, or copy them into a folder`,
    )
  const [, base, query] = /^([^?#]*?)\/*(?:\?([^#]*))?(?:#.*)?$/.exec(address)!
  const at = (path: string): string => `${base}/${path}${query ? `?${query}` : ''}`
  const shown = (path: string): string => `${/^https?:/i.test(url) ? base : url}/${path}`

  async function once(path: string, method: string, headers: Record<string, string>): Promise<Answer> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error(`no answer in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS)
    const asked = { method, headers: { ...headers, ...(await account()) }, signal: late.signal }
    const answer = await fetch(at(path), asked).finally(() => clearTimeout(timer))
    const { status, headers: said } = answer
    if (status === 200 && headers['range'] && Number(said.get('content-length')) > WHOLE_BYTES) {
      await answer.body?.cancel()
      throw new HillockError(
        'StoreRefused',
        `${shown(path)}: the host gives whole files only, and this one has ${said.get('content-length')} bytes; copy the volume into a folder`,
      )
    }
    return { status, headers: said, bytes: new Uint8Array(await answer.arrayBuffer()) }
  }

  async function ask(
    path: string,
    { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer | undefined> {
    for (let tried = 1; ; tried++) {
      const answer = await once(path, method, headers).catch((e: unknown) => e as Error)
      if (answer instanceof HillockError) throw answer
      if (!(answer instanceof Error)) {
        const { status } = answer
        if (status === 404 || status === 410) return undefined
        if (status < 300) return answer
        if ((status < 500 && status !== 408 && status !== 429) || status === 501)
          throw new HillockError('StoreRefused', `${shown(path)}: ${refusal(status)}`)
      }
      if (answer instanceof Error && /redirect count/.test(causeOf(answer)))
        throw new HillockError('StoreRefused', `${shown(path)}: the host sends from one address to another without end`)
      if (tried === TRIES || codeOf(answer) === 'ENOTFOUND') {
        const why = answer instanceof Error ? causeOf(answer) : `the host answers ${answer.status}`
        throw new HillockError('StoreError', `${shown(path)}: ${why}`)
      }
      await new Promise(r => setTimeout(r, 250 * 2 ** tried))
    }
  }

  /** Files of a host that gives no ranges: read once, and kept while there is room. */
  const whole = byteCache<Bytes>(WHOLE_BYTES, WHOLE_BYTES)
  const kept = new Set<string>()
  /** Whether the host gives ranges, as the first that was asked for showed. */
  let ranges: Promise<boolean> | undefined
  /** Whether it has answered a question for headers alone. */
  let heads = false

  /** Null where the host does not say. Of a file that is packed on its way another length is said. */
  async function sizeOf(path: string): Promise<number | null> {
    const head = await ask(path, { method: 'HEAD', headers: { 'accept-encoding': 'identity' } }).catch(() => undefined)
    const size = head?.headers.has('content-encoding') ? null : head?.headers.get('content-length')
    return size ? Number(size) : null
  }

  return {
    url,
    get: async path => (await ask(path))?.bytes,
    async range(path, offset, length) {
      if (length === 0) return new Uint8Array(0)
      const cut = (bytes: Bytes | undefined): Bytes | undefined =>
        offset < 0 ? bytes?.slice(offset) : bytes?.slice(offset, offset + length)
      const asWhole = ranges && !(await ranges)
      if (asWhole || kept.has(path))
        return cut(await whole.read(path, async () => (await ask(path, { headers: { range: 'bytes=0-' } }))?.bytes))
      // Not every host understands a range that counts from the end, nor does every one say how long a file is.
      const size = offset < 0 ? await sizeOf(path) : null
      if (size === 0) return new Uint8Array(0)
      const from = size ? Math.max(0, size + offset) : offset
      const range = from < 0 ? `bytes=${from}` : `bytes=${from}-${from + length - 1}`
      const asked = ask(path, { headers: { range } })
      const given = asked.then(
        a => a?.status !== 200,
        () => true,
      )
      ranges ??= given
      const answer = await asked
      if (answer?.status !== 200) return answer?.bytes
      ranges = given
      kept.add(path)
      return cut(await whole.read(path, async () => answer.bytes))
    },
    async size(path) {
      const size = await sizeOf(path)
      if (size !== null) return size
      throw new HillockError(
        'StoreRefused',
        `${shown(path)}: the host does not say how long it is; copy it into a folder`,
      )
    },
    async stamp(path) {
      const head = await ask(path, { method: 'HEAD' }).catch((e: unknown) => e as Error)
      // Not every host answers what is asked so: one that never did is asked for the file.
      if (!head && heads) return undefined
      if (head && !(head instanceof Error)) {
        heads = true
        const said = STAMPS.map(name => head.headers.get(name) ?? '')
        if (said.some(Boolean)) return [...said, head.headers.get('content-length') ?? ''].join(' ')
      }
      const bytes = (await ask(path))?.bytes
      return bytes && sha256(bytes)
    },
  }
}

/** Headers that change with the content. */
const STAMPS = ['etag', 'last-modified', 'x-goog-generation', 'x-goog-hash']

function refusal(status: number): string {
  const said = `the host answers ${status}`
  if (status === 401) return `${said}: it wants credentials`
  if (status === 403) return `${said}: it is forbidden, or missing where a host says so of what is not there`
  return said
}
