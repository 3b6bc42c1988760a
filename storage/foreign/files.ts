// Files that others wrote or somebody has put into the bucket: in a folder, behind HTTP, in a bucket, or by content; read whole or in part.
import { glob, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configError } from '../../domain/errors.ts'
import { openFile, stampOf, type OpenFile } from '../files/regular.ts'
import type { ObjectStore } from '../object-store.ts'
import { archivedFiles } from './archived.ts'
import { cloudAccount, cloudAddress } from './cloud.ts'
import { web } from './web.ts'

export interface Files {
  readonly url: string
  /**
   * Undefined where there is no such file.
   * @throws HillockError StoreError; StoreRefused where the place does not give it
   */
  get(path: string): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** `length` bytes from `offset`, fewer where the file ends before; a negative offset counts from its end. */
  range(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** Bytes of a file that is there, where that can be said. */
  size?(path: string): Promise<number>
  /** What the place says of a file without reading it: equal stamps, equal bytes. A place that says nothing is read and digested. */
  stamp(path: string): Promise<string | undefined>
  /** Where it can be listed: folders below, at most two levels down, that hold one of these files. */
  below?(names: readonly string[]): Promise<string[]>
}

/**
 * @param url a folder (plain path or file://), http(s)://, gs:// as far as the account of this process may read it, or sha256:
 * @param objects the bucket whose raw archive holds what is named by content
 * @throws HillockError ConfigError for another scheme
 */
export function openFiles(url: string, objects?: ObjectStore): Files {
  if (url.startsWith('sha256:')) return archivedFiles(url, objects)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) return folder(resolve(url))
  if (scheme === 'file') return folder(fileURLToPath(url))
  if (scheme === 'http' || scheme === 'https') return web(url, url)
  if (scheme === 'gs') return web(url, cloudAddress(url), cloudAccount)
  if (scheme === 's3') {
    const [, bucket, path = ''] = /^s3:\/\/([^/]*)\/?(.*)$/i.exec(url)!
    throw configError(
      `${url}: name a public bucket of S3 by its address on the web instead: https://${bucket}.s3.amazonaws.com/${path}`,
    )
  }
  throw configError(`${url}: files are read from folders, http(s):// and gs://`)
}

function folder(root: string): Files {
  /** Files that are being read: whoever reads one meanwhile shares its handle. */
  const opened = new Map<string, { readonly file: Promise<OpenFile>; readers: number }>()

  /** Undefined where there is no file; a pipe or a device is refused. */
  async function within<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T | undefined> {
    const at = join(root, path)
    const shared = opened.get(at) ?? { file: openFile(at, 'StoreRefused'), readers: 0 }
    opened.set(at, shared)
    shared.readers++
    try {
      return await use(await shared.file)
    } catch (e) {
      const what = await stat(at).catch((found: NodeJS.ErrnoException) => found)
      if (what instanceof Error ? ['ENOENT', 'ENOTDIR'].includes(what.code ?? '') : what.isDirectory()) return undefined
      throw e
    } finally {
      if (--shared.readers === 0) {
        opened.delete(at)
        await shared.file.then(
          file => file.close(),
          () => undefined,
        )
      }
    }
  }
  return {
    url: root,
    get: path => within(path, ({ read, size }) => read(0, size)),
    range: (path, offset, length) =>
      within(path, ({ read, size }) => read(offset < 0 ? Math.max(0, size + offset) : offset, length)),
    size: async path => (await stat(join(root, path))).size,
    async stamp(path) {
      const stamp = await stampOf(join(root, path))
      return ['ENOENT', 'ENOTDIR'].includes(stamp) ? undefined : stamp
    },
    async below(names) {
      const patterns = ['*', '*/*'].flatMap(p => names.map(n => `${p}/${n}`))
      return [...new Set(await Array.fromAsync(glob(patterns, { cwd: root }), dirname))].sort()
    },
  }
}
