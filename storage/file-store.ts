// An object store in a folder: written beside and linked into place, so that a kill at any moment leaves whole objects or none.
import { mkdir, open, readdir, rmdir, stat, link, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { HillockError } from '../domain/errors.ts'
import { checkKey } from './keys.ts'
import type { ObjectStore } from './object-store.ts'

const TEMPORARY = '.tmp'
/** A ref is a folder of numbered immutable files: the next version is linked if absent, which is a compare-and-swap without a lock. */
const VERSIONS = '.v'
const VERSION = /^\d{12}$/
/** A temporary file older than this was left by a killed process. */
const STALE_MS = 3_600_000
/** So often folders are made again that removals take away meanwhile. */
const TRIES = 1000

const code = (e: unknown): string | undefined => (e as NodeJS.ErrnoException).code
const absent = (e: unknown): boolean => ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code(e) ?? '')
const failure = (what: string, key: string, e: unknown): Error =>
  (e as Error).name === 'AbortError'
    ? (e as Error)
    : new HillockError('StoreError', `could not ${what} ${key}: ${(e as Error).message}`, { key })

async function readFrom(file: FileHandle, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length)
  let at = 0
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, offset + at)
    if (bytesRead === 0) return bytes.slice(0, at)
    at += bytesRead
  }
  return bytes
}

/** The folder `root` as an object store; it is made on the first write. */
export function fileStore(root: string): ObjectStore {
  const folder = resolve(root)
  const temporary = join(folder, TEMPORARY)
  const pathOf = (key: string): string => join(folder, key)
  let serial = 0
  let ready: Promise<void> | undefined

  /** Reads an object: all of it where `length` is undefined. */
  async function read(
    key: string,
    path: string,
    offset: number,
    length?: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    let file: FileHandle | undefined
    try {
      signal?.throwIfAborted()
      file = await open(path, 'r')
      const info = await file.stat()
      if (!info.isFile()) return undefined
      const end = length === undefined ? info.size : Math.min(info.size, offset + length)
      const bytes = await readFrom(file, offset, Math.max(0, end - offset))
      signal?.throwIfAborted()
      return bytes
    } catch (e) {
      if (absent(e)) return undefined
      throw failure('read', key, e)
    } finally {
      await file?.close()
    }
  }

  async function prepare(): Promise<void> {
    await mkdir(temporary, { recursive: true })
    for (const name of await readdir(temporary)) {
      const path = join(temporary, name)
      const info = await stat(path).catch(() => undefined)
      if (info && Date.now() - info.mtimeMs > STALE_MS) await unlink(path).catch(() => undefined)
    }
  }

  /** Puts `bytes` at `target` in one step; false when something is there already. */
  async function create(target: string, bytes: Uint8Array): Promise<boolean> {
    await (ready ??= prepare())
    const path = join(temporary, `${process.pid}-${process.hrtime.bigint()}-${serial++}`)
    try {
      const file = await open(path, 'wx')
      try {
        await file.writeFile(bytes)
        // Before the name appears the bytes are on disk: after a power cut an object is whole or absent.
        await file.datasync()
      } finally {
        await file.close()
      }
      for (let tried = 1; ; tried++)
        try {
          await link(path, target)
          return true
        } catch (e) {
          if (code(e) !== 'ENOENT' || tried === TRIES) throw e
          // Again where a removal has taken the folder away in between, even from under the making of it.
          await mkdir(dirname(target), { recursive: true }).catch((failed: unknown) => {
            if (code(failed) !== 'ENOENT') throw failed
          })
        }
    } catch (e) {
      if (code(e) === 'EEXIST') return false
      throw e
    } finally {
      await unlink(path).catch(() => undefined)
    }
  }

  const size = async (key: string): Promise<number | undefined> => {
    checkKey(key, 'object')
    try {
      const info = await stat(pathOf(key))
      return info.isFile() ? info.size : undefined
    } catch (e) {
      if (absent(e)) return undefined
      throw failure('look up', key, e)
    }
  }

  async function* walk(prefix: string, after: string, at: string): AsyncGenerator<string> {
    const entries = await readdir(join(folder, at), { withFileTypes: true }).catch((e: unknown) => {
      if (absent(e)) return []
      throw failure('list', at || '/', e)
    })
    // A folder sorts as its keys do, with the slash; a ref is a key and may hold further refs.
    const names: string[] = []
    for (const e of entries) {
      if (e.name.startsWith('.')) continue
      const name = `${at}${e.name}`
      if (e.isFile()) names.push(name)
      else {
        names.push(`${name}/`)
        if (at.startsWith('refs/') && (await latest(name)) !== undefined) names.push(name)
      }
    }
    for (const name of names.sort()) {
      if (!name.endsWith('/')) {
        if (name.startsWith(prefix) && name > after) yield name
      } else if ((name.startsWith(prefix) || prefix.startsWith(name)) && (name > after || after.startsWith(name)))
        yield* walk(prefix, after, name)
    }
  }

  /** Highest version of a ref. Versions are never deleted, so a number once passed can never be created again. */
  async function latest(key: string): Promise<string | undefined> {
    try {
      return (await readdir(join(pathOf(key), VERSIONS)))
        .filter(v => VERSION.test(v))
        .reduce<string | undefined>((a, b) => (a && a > b ? a : b), undefined)
    } catch (e) {
      if (absent(e)) return undefined
      throw failure('read', key, e)
    }
  }

  return {
    url: pathToFileURL(folder).href,
    size,
    async get(key, options) {
      checkKey(key, 'object')
      return read(key, pathOf(key), 0, undefined, options?.signal)
    },
    async getRange(key, offset, length) {
      checkKey(key, 'object')
      return read(key, pathOf(key), offset, length)
    },
    async putIfAbsent(key, bytes) {
      if ((await size(key)) !== undefined) return 'exists'
      try {
        return (await create(pathOf(key), bytes)) ? 'created' : 'exists'
      } catch (e) {
        throw failure('write', key, e)
      }
    },
    async readRef(key) {
      checkKey(key, 'ref')
      const version = await latest(key)
      if (version === undefined) return undefined
      const bytes = await read(key, join(pathOf(key), VERSIONS, version), 0)
      return { value: Buffer.from(bytes!).toString(), version }
    },
    async swapRef(key, expected, value) {
      checkKey(key, 'ref')
      try {
        if (expected !== undefined) {
          if (!VERSION.test(expected)) return false
          if (!(await stat(join(pathOf(key), VERSIONS, expected)).catch(() => undefined))) return false
        }
        const next = String(Number(expected ?? 0) + 1).padStart(12, '0')
        return await create(join(pathOf(key), VERSIONS, next), Buffer.from(value))
      } catch (e) {
        throw failure('swap', key, e)
      }
    },
    async remove(key) {
      checkKey(key, 'object')
      try {
        await unlink(pathOf(key))
        // Folders that this leaves empty go too; the first that is not ends it.
        for (let at = dirname(pathOf(key)); at !== folder; at = dirname(at)) await rmdir(at)
      } catch (e) {
        if (!absent(e) && !['ENOTEMPTY', 'EEXIST'].includes(code(e) ?? '')) throw failure('remove', key, e)
      }
    },
    list: (prefix, after = '') => walk(prefix, after, ''),
  }
}
