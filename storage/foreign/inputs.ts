// What a run file names: files at a path of this machine, behind a URL, or by content; opened, read, stamped and listed alike.
import { glob, readdir, stat } from 'node:fs/promises'
import { dirname, join, matchesGlob, posix, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configError, type ErrorType, HillockError } from '../../domain/errors.ts'
import { openFile, openRegular, readRegularFile, stampOf } from '../files/regular.ts'
import type { ReadAt } from '../formats/tiff.ts'
import type { ObjectStore } from '../object-store.ts'
import { openStore } from '../stores/open-store.ts'
import { archivedFiles } from './archived.ts'
import { openFiles, type Files } from './files.ts'

export interface Input {
  readonly read: ReadAt
  size(): Promise<number>
  close(): Promise<void>
}

export interface Inputs {
  /** @throws HillockError of that type where there is no such file, found out without reading it; StoreRefused, StoreError of a host */
  check(name: string, type: ErrorType): Promise<void>
  /** @throws HillockError as `check` does; of what lies elsewhere by the first reading */
  open(name: string, type: ErrorType): Promise<Input>
  /** The whole of it. @throws HillockError as `check` does */
  read(name: string, type: ErrorType): Promise<Uint8Array>
  /** Differs whenever the bytes do, found out without reading them; `ENOENT` and the like where there is none. */
  stamp(name: string): Promise<string>
  /** Files of a folder, or those that a pattern fits; undefined where `name` is a file itself. @throws HillockError ConfigError */
  list(name: string): Promise<string[] | undefined>
}

/** Whether it means the same on every machine: a URL, or content. */
export const isShared = (name: string): boolean => /^([a-z][a-z0-9+.-]+:\/\/|sha256:)/i.test(name)

/** @throws HillockError ConfigError for an address that may hold a secret, which would stand in every record of the run */
export function noSecret(name: string): string {
  if (/https?:\/\/([^/]*@|.*\?)/is.test(name))
    throw configError(
      `${name.replace(/\/\/[^/]*@/, '//...@').replace(/\?.*/s, '?...')}: a password, or what follows the ?, perhaps a token, would stand in every record of the run: serve it without, or put it into a gs:// that the workers may read`,
    )
  return name
}

/** The path that a name stands for on this machine. */
const localPath = (name: string): string | undefined =>
  name.startsWith('file://') ? fileURLToPath(name) : isShared(name) ? undefined : name

/** Of what lies elsewhere: where it begins, and the path from there. */
const ROOT = /^(https?:\/\/[^/]+|gs:\/\/[^/]+|sha256:[0-9a-f]{64})(\/.*)?$/is

/** The folder of a file. */
export const folderOf = (name: string): string => {
  const path = localPath(name)
  return path === undefined ? name.slice(0, name.lastIndexOf('/')) : dirname(resolve(path))
}

/** A path as it is meant in a folder. */
export function within(folder: string, path: string): string {
  const [, root, at] = ROOT.exec(folder) ?? []
  if (root === undefined) return resolve(localPath(folder) ?? folder, path)
  return root + posix.resolve(at ?? '/', /^http/i.test(root) ? path.replaceAll(/[%?#]/g, encodeURIComponent) : path)
}

/** What opened files are read with, and closed after it. */
export async function withInput<T>(
  files: Inputs,
  name: string,
  type: ErrorType,
  use: (read: ReadAt) => Promise<T>,
): Promise<T> {
  const input = await files.open(name, type)
  return use(input.read).finally(() => input.close())
}

const PATTERN = /[*?[{]/

/** @param objects the bucket that holds what is named by content */
export function inputs(objects?: ObjectStore): Inputs {
  const folders = new Map<string, Files>()
  function filesOf(name: string): { files: Files; path: string } {
    noSecret(name)
    const folder = folderOf(name)
    const files = folders.get(folder) ?? openFiles(folder, objects)
    folders.set(folder, files)
    const path = name.slice(folder.length + 1)
    return { files, path: name.startsWith('gs:') ? path.replaceAll(/[%?#]/g, encodeURIComponent) : path }
  }
  /** What a host has, or the error that it has not. */
  const there = <T>(found: T | undefined, name: string, type: ErrorType): T => {
    if (found === undefined) throw new HillockError(type, `${name} is missing: there is no such file`)
    return found
  }

  return {
    async check(name, type) {
      const local = localPath(name)
      if (local !== undefined) return (await openRegular(local, type)).close()
      const { files, path } = filesOf(name)
      there(await files.stamp(path), name, type)
    },
    async open(name, type) {
      const local = localPath(name)
      if (local !== undefined) {
        const file = await openFile(local, type)
        return { ...file, size: async () => file.size }
      }
      const { files, path } = filesOf(name)
      return {
        read: async (offset, length) => there(await files.range(path, offset, length), name, type),
        size: () => files.size!(path),
        close: async () => {},
      }
    },
    async read(name, type) {
      const local = localPath(name)
      if (local !== undefined) return readRegularFile(local, type)
      const { files, path } = filesOf(name)
      return there(await files.get(path), name, type)
    },
    async stamp(name) {
      const local = localPath(name)
      if (local !== undefined) return stampOf(local)
      const { files, path } = filesOf(name)
      return (await files.stamp(path)) ?? 'ENOENT'
    },
    async list(name) {
      const local = localPath(name)
      if (local !== undefined) return listHere(local)
      if (name.startsWith('gs:')) return listCloud(name)
      if (!name.startsWith('sha256:')) return undefined
      const below = await archivedFiles(name, objects).list()
      return below.length > 0 ? below.map(path => `${name}/${path}`) : undefined
    },
  }
}

async function listHere(where: string): Promise<string[] | undefined> {
  try {
    const what = await stat(where).catch(() => undefined)
    if (what?.isDirectory()) return (await readdir(where)).map(name => join(where, name))
    if (what || !PATTERN.test(where)) return undefined
    return await Array.fromAsync(glob(where), path => resolve(path))
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException
    throw configError(
      `source.stack: ${where} ${code === 'EACCES' ? 'may not be read by this process (permission denied)' : `cannot be listed (${message})`}`,
    )
  }
}

async function listCloud(where: string): Promise<string[] | undefined> {
  const isPattern = PATTERN.test(where)
  const [bucket] = /^gs:\/\/[^/]+\//.exec(`${where}/`)!
  const prefix = `${isPattern ? where.slice(0, where.search(PATTERN)) : `${where.replace(/\/+$/, '')}/`}`.slice(
    bucket.length,
  )
  const found: string[] = []
  for await (const key of openStore(bucket).list(prefix)) {
    const isMeant = isPattern ? matchesGlob(key, where.slice(bucket.length)) : !key.slice(prefix.length).includes('/')
    if (isMeant) found.push(bucket + key)
  }
  return found.length > 0 || isPattern ? found : undefined
}
