// An object store in a folder: written beside and linked into place, so that a kill at any moment leaves whole objects or none.
import { mkdir, open, readdir, readFile, rmdir, stat, unlink, writeFile, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { absent, code, failure, linked, makeFolders } from './files/system.ts'
import { readAt } from './files/regular.ts'
import { transient } from './stores/gcs-errors.ts'
import { checkKey } from './keys.ts'
import { HillockError } from '../domain/errors.ts'
import type { ObjectStore } from './object-store.ts'

const TEMPORARY = '.tmp'
/** Holds what names the bucket; not there, or another: the folder is away. */
const MARK = '.hillock-bucket'
/** A ref is a folder of numbered immutable files: the next version is linked if absent, which is a compare-and-swap without a lock. */
const VERSIONS = '.v'
const VERSION = /^\d{12}$/
/** A temporary file older than this was left by a killed process. */
const STALE_MS = 3_600_000
/** So often folders are made again that removals take away meanwhile. */
const TRIES = 1000

/**
 * Marks `root` as a bucket, and makes it where there is none; returns the mark that it has from now on.
 * @throws HillockError as an ObjectStore does
 */
export async function markFolder(root: string, mark: string): Promise<string> {
  const path = join(root, MARK)
  const own = `${path}.${mark}`
  try {
    makeFolders(root)
    await writeFile(own, mark, { flag: 'wx' })
    await linked(own, path, root).catch((e: unknown) => {
      if (code(e) !== 'EEXIST') throw e
    })
    return await readFile(path, 'utf8')
  } catch (e) {
    throw failure('mark', MARK, e, root)
  } finally {
    await unlink(own).catch(() => undefined)
  }
}

/**
 * The folder `root` as an object store. Without a `mark` it is made on the first write; one that has been there, or that lacks its
 * mark, is away: requests fail until it is back, and nothing is made in its place.
 */
export function fileStore(root: string, mark?: string): ObjectStore {
  const folder = resolve(root)
  const temporary = join(folder, TEMPORARY)
  const pathOf = (key: string): string => join(folder, key)
  let serial = 0
  let ready: Promise<void> | undefined
  let seen = mark !== undefined

  /** @throws HillockError StoreError where the whole folder is away, and not only what was looked for in it */
  async function stillThere(): Promise<void> {
    // As it was before the look: it may be made meanwhile.
    const known = seen
    const found = await (mark === undefined ? stat(folder) : readFile(join(folder, MARK), 'utf8')).catch(
      (e: unknown) => {
        if (!absent(e)) throw e
      },
    )
    if (found !== undefined) seen = true
    if (mark === undefined ? found !== undefined || !known : found === mark) return
    const what = found === undefined ? 'is away' : 'is another one'
    throw transient('unavailable', `the folder of the bucket, ${folder}, ${what}`, pathToFileURL(folder).href)
  }

  /**
   * What `ask` finds; undefined where it is not there at a second look either: the whole folder may have been away at the first, and
   * be back. @throws HillockError for all else, as what came of the wish to `what` `key`
   */
  async function found<T>(what: string, key: string, ask: () => Promise<T>): Promise<T | undefined> {
    const look = async (): Promise<T | undefined> => {
      try {
        return await ask()
      } catch (e) {
        if (!absent(e)) throw e
        await stillThere()
      }
    }
    try {
      return (await look()) ?? (await look())
    } catch (e) {
      throw failure(what, key, e, folder)
    }
  }

  /** Makes a folder below this one, and never this one itself. */
  async function makeFolder(path: string): Promise<void> {
    try {
      await mkdir(path)
    } catch (e) {
      if (code(e) === 'EEXIST') return
      if (code(e) !== 'ENOENT' || dirname(path) === folder) throw e
      await makeFolder(dirname(path))
      await makeFolder(path)
    }
  }

  /** Reads an object: all of it where `length` is undefined. */
  async function read(
    key: string,
    path: string,
    offset: number,
    length?: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return found('read', key, async () => {
      let file: FileHandle | undefined
      try {
        signal?.throwIfAborted()
        file = await open(path, 'r')
        const info = await file.stat()
        if (!info.isFile()) return undefined
        const end = length === undefined ? info.size : Math.min(info.size, offset + length)
        const bytes = await readAt(file, offset, Math.max(0, end - offset))
        signal?.throwIfAborted()
        seen = true
        return bytes
      } finally {
        await file?.close()
      }
    })
  }

  async function prepare(): Promise<void> {
    if (seen) await makeFolder(temporary)
    else makeFolders(temporary)
    seen = true
    for (const name of await readdir(temporary)) {
      const path = join(temporary, name)
      const info = await stat(path).catch(() => undefined)
      if (info && Date.now() - info.mtimeMs > STALE_MS) await unlink(path).catch(() => undefined)
    }
  }

  /** Puts `bytes` at `target` in one step, of the wish to `what` `key`; false when something is there already. */
  async function create(what: string, key: string, target: string, bytes: Uint8Array): Promise<boolean> {
    const created = await found(what, key, async () => link(target, bytes))
    if (created !== undefined) return created
    throw new HillockError('StoreError', `could not ${what} ${key}: ${folder} is taken away again and again`, { key })
  }

  async function link(target: string, bytes: Uint8Array): Promise<boolean> {
    await (ready ??= prepare()).catch((e: unknown) => {
      ready = undefined
      throw e
    })
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
          await linked(path, target, folder)
          return true
        } catch (e) {
          if (code(e) !== 'ENOENT' || tried === TRIES) throw e
          // Again where a removal has taken the folder away in between, even from under the making of it.
          await makeFolder(dirname(target)).catch(async (failed: unknown) => {
            if (code(failed) !== 'ENOENT') throw failed
            await stillThere()
          })
        }
    } catch (e) {
      if (code(e) === 'EEXIST') return false
      // Its folder has gone with the whole, or somebody has cleared it away.
      if (code(e) === 'ENOENT') ready = undefined
      throw e
    } finally {
      await unlink(path).catch(() => undefined)
    }
  }

  const size = async (key: string): Promise<number | undefined> => {
    checkKey(key, 'object')
    return found('look up', key, async () => {
      const info = await stat(pathOf(key))
      seen = true
      return info.isFile() ? info.size : undefined
    })
  }

  async function* walk(prefix: string, after: string, at: string): AsyncGenerator<string> {
    const entries =
      (await found('list', at || '/', async () => readdir(join(folder, at), { withFileTypes: true }))) ?? []
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
    const versions = await found('read', key, async () => readdir(join(pathOf(key), VERSIONS)))
    return versions?.filter(v => VERSION.test(v)).reduce<string | undefined>((a, b) => (a && a > b ? a : b), undefined)
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
      return (await create('write', key, pathOf(key), bytes)) ? 'created' : 'exists'
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
      if (expected !== undefined) {
        if (!VERSION.test(expected)) return false
        const before = await found('swap', key, async () => stat(join(pathOf(key), VERSIONS, expected)))
        if (before === undefined) return false
      }
      const next = String(Number(expected ?? 0) + 1).padStart(12, '0')
      return create('swap', key, join(pathOf(key), VERSIONS, next), Buffer.from(value))
    },
    async remove(key) {
      checkKey(key, 'object')
      await found('remove', key, async () => {
        try {
          await unlink(pathOf(key))
          // Folders that this leaves empty go too; the first that is not ends it.
          for (let at = dirname(pathOf(key)); at !== folder; at = dirname(at)) await rmdir(at)
        } catch (e) {
          if (!['ENOTEMPTY', 'EEXIST'].includes(code(e) ?? '')) throw e
        }
      })
    },
    list: (prefix, after = '') => walk(prefix, after, ''),
  }
}
