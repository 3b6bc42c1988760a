// An object store in a bucket of Google Cloud Storage, through Google's client. One attempt per call: retry-store.ts repeats.
import { createRequire } from 'node:module'
import { addAbortSignal, type Readable } from 'node:stream'
import type * as google from '@google-cloud/storage'
import { crc32cBase64 } from './crc32c.ts'
import { failure, noBucket, statusOf, transient } from './gcs-errors.ts'
import { checkKey } from '../keys.ts'
import type { Attempts, ObjectStore } from '../object-store.ts'

const load = createRequire(import.meta.url)

/** From this size on an upload can go on where it was cut. */
const RESUMABLE = 8 << 20
/** Swaps of a ref that it remembers, so that one whose answer got lost is known for made after others have followed. */
const SWAPS = 16
const PAGE = 1000

export interface GcsOptions {
  /** Of an emulator: `STORAGE_EMULATOR_HOST`. */
  readonly endpoint?: string | undefined
  /** An answer that stands still for so long is given up. */
  readonly stallMs?: number
  readonly resumableFrom?: number
}

/** Objects and refs are objects named `prefix` + key; the version of a ref is its generation. */
export function gcsStore(
  bucketName: string,
  prefix: string,
  { endpoint, stallMs = 10_000, resumableFrom = RESUMABLE }: GcsOptions = {},
): ObjectStore {
  // Not before a bucket is opened: it takes a third of a second to load.
  const { IdempotencyStrategy, Storage } = load('@google-cloud/storage') as typeof google
  // One policy of retries: ours.
  const retryOptions = { autoRetry: false, idempotencyStrategy: IdempotencyStrategy.RetryNever }
  const apiEndpoint = endpoint && new URL(endpoint.includes('://') ? endpoint : `http://${endpoint}`).origin
  const storage = new Storage({ retryOptions, ...(apiEndpoint ? { apiEndpoint, projectId: 'emulated' } : {}) })
  // The client takes the path out of its own environment variable, where Google's other libraries put none.
  if (apiEndpoint) storage.baseUrl = `${apiEndpoint}/storage/v1`
  const bucket = storage.bucket(bucketName)
  const file = (key: string): google.File => bucket.file(prefix + key)
  const urlOf = (key: string): string => `gs://${bucketName}/${prefix}${key}`
  /** Where uploads that were cut go on. */
  const sessions = new WeakMap<Attempts, string>()

  let found: Promise<void> | undefined
  /** A bucket that is not there answers as objects that are not: once is asked which it is. */
  const checkBucket = (): Promise<void> =>
    (found ??= bucket
      .getFiles({ maxResults: 1, autoPaginate: false, prefix })
      .then(() => undefined)
      .catch((e: unknown) => {
        found = undefined
        throw statusOf(e) === 404 ? noBucket(bucketName) : failure('list', urlOf(''), e)
      }))

  const within = <T>(what: string, key: string, bytes: number, work: Promise<T>): Promise<T> => {
    // 100 kB/s is given up for standing still.
    const ms = stallMs + bytes / 100
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(transient('cut', `no answer for ${ms} ms: ${what} ${urlOf(key)}`, urlOf(key))),
        ms,
      )
    })
    return Promise.race([work, late]).finally(() => clearTimeout(timer))
  }

  /** `work`; undefined where it finds no object. */
  async function attempt<T>(what: string, key: string, bytes: number, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await within(what, key, bytes, work())
    } catch (e) {
      if (statusOf(e) !== 404) throw failure(what, urlOf(key), e)
      await checkBucket()
      return undefined
    }
  }

  interface Read {
    readonly bytes: Uint8Array<ArrayBuffer>
    readonly generation: string
  }

  async function download(key: string, range?: [number, number], signal?: AbortSignal): Promise<Read> {
    signal?.throwIfAborted()
    const at = range ? { start: range[0], end: range[0] + range[1] - 1 } : {}
    const stream = file(key).createReadStream({ decompress: false, validation: false, ...at })
    if (signal) addAbortSignal(signal, stream)
    const timer = setTimeout(
      () => stream.destroy(transient('cut', `no bytes of ${urlOf(key)} for ${stallMs} ms`, urlOf(key))),
      stallMs,
    )
    let headers: Record<string, string | undefined> = {}
    stream.on('response', (answer: Readable & { headers: typeof headers }) => {
      headers = answer.headers
      // Google's client puts more listeners on it than Node thinks right.
      answer.setMaxListeners(0)
    })
    const chunks: Buffer[] = []
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        timer.refresh()
        chunks.push(chunk)
      }
    } finally {
      clearTimeout(timer)
    }
    const bytes = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0))
    let offset = 0
    for (const chunk of chunks) {
      bytes.set(chunk, offset)
      offset += chunk.length
    }
    // Of a range the server names its own and the whole's length; of a whole object its sum as well.
    const total = Number(/\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1])
    const wanted = range ? Math.min(range[1], total - range[0]) : Number(headers['content-length'] ?? bytes.length)
    const sum = /crc32c=([^,]+)/.exec(headers['x-goog-hash'] ?? '')?.[1]
    if (bytes.length !== wanted)
      throw transient('damaged', `${urlOf(key)}: ${bytes.length} bytes came instead of ${wanted}`, urlOf(key))
    if (!range && sum !== crc32cBase64(bytes))
      throw transient('damaged', `${urlOf(key)}: CRC32C differs from the bucket's`, urlOf(key))
    return { bytes, generation: headers['x-goog-generation'] ?? '' }
  }

  async function read(key: string, range?: [number, number], signal?: AbortSignal): Promise<Read | undefined> {
    try {
      return await download(key, range, signal)
    } catch (e) {
      if (statusOf(e) === 416) return { bytes: new Uint8Array(0), generation: '' }
      if (statusOf(e) !== 404) throw failure('read', urlOf(key), e)
      await checkBucket()
      return undefined
    }
  }

  const look = async (key: string): Promise<google.FileMetadata | undefined> =>
    (await attempt('look up', key, 0, () => file(key).getMetadata()))?.[0]

  /** Writes where the generation still is `generation` (0: nothing is there); false when it is not. */
  async function upload(
    key: string,
    bytes: Uint8Array,
    generation: string,
    labels: Record<string, string>,
    attempts?: Attempts,
  ): Promise<boolean> {
    // The server compares the sum before the object appears.
    const metadata = {
      contentType: 'application/octet-stream',
      crc32c: crc32cBase64(bytes),
      metadata: labels,
    }
    const options = { validation: false, preconditionOpts: { ifGenerationMatch: generation }, metadata }
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const resumable = body.length >= resumableFrom
    const work = async (): Promise<void> => {
      if (!resumable) return file(key).save(body, { ...options, resumable })
      const known = attempts && sessions.get(attempts)
      const uri = known ?? (await file(key).createResumableUpload(options))[0]
      if (attempts) sessions.set(attempts, uri)
      // Without an offset the client asks first how far the upload has come.
      await file(key).save(body, { ...options, resumable, uri, ...(known ? {} : { offset: 0 }) })
    }
    try {
      await within('write', key, body.length, work())
      return true
    } catch (e) {
      const status = statusOf(e)
      if (status === 412) return false
      if (status !== 404 && status !== 410) throw failure('write', urlOf(key), e)
      await checkBucket()
      // Sessions end after a week, or when the server loses them.
      if (attempts) sessions.delete(attempts)
      throw transient('unavailable', `the upload of ${urlOf(key)} has to begin again`, urlOf(key))
    }
  }

  return {
    url: urlOf(''),
    async get(key, options) {
      checkKey(key, 'object')
      return (await read(key, undefined, options?.signal))?.bytes
    },
    async getRange(key, offset, length) {
      checkKey(key, 'object')
      if (length > 0) return (await read(key, [offset, length]))?.bytes
      return (await look(key)) && new Uint8Array(0)
    },
    async size(key) {
      checkKey(key, 'object')
      const found = await look(key)
      return found && Number(found.size)
    },
    async putIfAbsent(key, bytes, attempts) {
      checkKey(key, 'object')
      if (await upload(key, bytes, '0', attempts ? { writer: attempts.id } : {}, attempts)) return 'created'
      const own = attempts?.again && (await look(key))?.metadata?.['writer'] === attempts.id
      return own ? 'created' : 'exists'
    },
    async readRef(key) {
      checkKey(key, 'ref')
      const found = await read(key)
      return found && { value: Buffer.from(found.bytes).toString(), version: found.generation }
    },
    async swapRef(key, expected, value, attempts) {
      checkKey(key, 'ref')
      const swaps = (now: google.FileMetadata | undefined): string[] =>
        String(now?.metadata?.['swaps'] ?? '')
          .split(' ')
          .filter(Boolean)
      const made = (now: google.FileMetadata | undefined): boolean =>
        attempts !== undefined && swaps(now).includes(attempts.id)
      const now = await look(key)
      if (now?.generation === undefined ? expected !== undefined : String(now.generation) !== expected) return made(now)
      const all = [...(attempts ? [attempts.id] : []), ...swaps(now)].slice(0, SWAPS)
      const swapped = await upload(key, Buffer.from(value), expected ?? '0', { swaps: all.join(' ') })
      return swapped || made(await look(key))
    },
    async remove(key) {
      checkKey(key, 'object')
      await attempt('remove', key, 0, () => file(key).delete())
    },
    async *list(keys, after = '') {
      let pageToken: string | undefined
      const query = {
        prefix: prefix + keys,
        autoPaginate: false,
        maxResults: PAGE,
        fields: 'items(name),nextPageToken',
      }
      do {
        const at = { ...(pageToken ? { pageToken } : {}), ...(after ? { startOffset: prefix + after } : {}) }
        const page = await attempt('list', keys, 0, () => bucket.getFiles({ ...query, ...at }))
        if (!page) throw noBucket(bucketName)
        const [files, next] = page
        for (const { name } of files) if (name.slice(prefix.length) > after) yield name.slice(prefix.length)
        pageToken = (next as { pageToken?: string } | null)?.pageToken
      } while (pageToken)
    },
  }
}
