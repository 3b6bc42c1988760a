// Files of a data set that others wrote: in a folder, behind HTTP, or in a public bucket; read whole or in part.
import { open, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { HillockError } from '../../domain/errors.ts'

export interface Files {
  readonly url: string
  /** Undefined where there is no such file. @throws HillockError StoreError */
  get(path: string): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** `length` bytes from `offset`, fewer where the file ends before; a negative offset counts from its end. */
  range(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/**
 * @param url a folder (plain path or file://), http(s)://, or gs:// of a bucket that anybody may read
 * @throws HillockError ConfigError for another scheme
 */
export function openFiles(url: string): Files {
  const base = url.replace(/\/+$/, '')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(base)?.[1]
  if (scheme === undefined) return folder(resolve(base))
  if (scheme === 'file') return folder(fileURLToPath(base))
  if (scheme === 'http' || scheme === 'https') return web(base, base)
  if (scheme === 'gs') return web(base, base.replace('gs://', 'https://storage.googleapis.com/'))
  throw new HillockError('ConfigError', `${url}: volumes are read from folders, http(s):// and gs://`)
}

const none = (e: unknown): undefined => {
  if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes((e as NodeJS.ErrnoException).code ?? '')) return undefined
  throw new HillockError('StoreError', (e as Error).message)
}

function folder(root: string): Files {
  return {
    url: root,
    async get(path) {
      const file = join(root, path)
      const bytes = await readFile(file).catch(none)
      if (bytes) return new Uint8Array(bytes)
      // cloud-volume compresses the files of a folder one by one and names them so.
      const packed = await readFile(`${file}.gz`).catch(none)
      return packed && new Uint8Array(gunzipSync(packed))
    },
    async range(path, offset, length) {
      const file = await open(join(root, path)).catch(none)
      if (!file) return undefined
      try {
        const from = offset < 0 ? Math.max(0, (await file.stat()).size + offset) : offset
        const bytes = new Uint8Array(length)
        let at = 0
        for (;;) {
          const { bytesRead } = await file.read(bytes, at, length - at, from + at)
          at += bytesRead
          if (bytesRead === 0 || at === length) return bytes.slice(0, at)
        }
      } finally {
        await file.close()
      }
    },
  }
}

/** Answers that may go away by themselves are tried again so often, after 0.5, 1, 2 seconds. */
const TRIES = 4

function web(url: string, base: string): Files {
  async function request(path: string, headers: Record<string, string>): Promise<Response | undefined> {
    for (let tried = 1; ; tried++) {
      const answer = await fetch(`${base}/${path}`, { headers }).catch((e: unknown) => e as Error)
      if (answer instanceof Response) {
        // A bucket that may not be listed says 403 of what is not there.
        if (answer.status === 404 || answer.status === 403 || answer.status === 416) return undefined
        if (answer.ok) return answer
      }
      const why = answer instanceof Response ? `${answer.status} ${answer.statusText}` : answer.message
      const passing = answer instanceof Error || answer.status === 429 || answer.status >= 500
      if (!passing || tried === TRIES) throw new HillockError('StoreError', `${base}/${path}: ${why}`)
      await new Promise(r => setTimeout(r, 250 * 2 ** tried))
    }
  }
  const bytesOf = async (r: Response | undefined): Promise<Uint8Array<ArrayBuffer> | undefined> =>
    r && new Uint8Array(await r.arrayBuffer())
  return {
    url,
    get: async path => bytesOf(await request(path, {})),
    async range(path, offset, length) {
      if (length === 0) return new Uint8Array(0)
      const range = offset < 0 ? `bytes=${offset}` : `bytes=${offset}-${offset + length - 1}`
      const answer = await request(path, { range })
      const bytes = await bytesOf(answer)
      if (!bytes || answer!.status === 206) return bytes
      return offset < 0 ? bytes.slice(offset) : bytes.slice(offset, offset + length)
    },
  }
}
