// What the file system says to a store in a folder, as errors of Hillock; linking a file into place, and making folders.
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { link } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { HillockError, isHillockError } from '../../domain/errors.ts'
import { transient } from '../stores/gcs-errors.ts'

export const code = (e: unknown): string | undefined => (e as NodeJS.ErrnoException).code
export const absent = (e: unknown): boolean => ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code(e) ?? '')
/** Trouble with the file system that ends without anything being done here, or when somebody makes room. */
const OUTAGES = 'ENOSPC EDQUOT EIO ESTALE ENOTCONN ETIMEDOUT EHOSTDOWN EBUSY EMFILE ENFILE EAGAIN'.split(' ')
const FORBIDDEN = ['EROFS', 'EACCES', 'EPERM']
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'ENOSYS']

/** The error to throw for what the file system said when `folder` was asked to `what` `key`. */
export function failure(what: string, key: string, e: unknown, folder: string): Error {
  if ((e as Error).name === 'AbortError' || isHillockError(e)) return e as Error
  const message = `could not ${what} ${key} in ${folder}: ${(e as Error).message}`
  if (OUTAGES.includes(code(e) ?? '')) return transient('unavailable', message, pathToFileURL(folder).href)
  return FORBIDDEN.includes(code(e) ?? '')
    ? new HillockError('StoreRefused', `${message}; correct the rights of that folder, or how it is mounted`, { key })
    : new HillockError('StoreError', message, { key })
}

/** @throws HillockError StoreRefused where the file system has no hard links, on which it rests that objects are whole or not there */
export const linked = (from: string, to: string, folder: string): Promise<void> =>
  link(from, to).catch((e: unknown) => {
    if (!NO_LINKS.includes(code(e) ?? '')) throw e
    const message = `${folder} cannot be a bucket: its file system has no hard links (${(e as Error).message}); take a folder on another one, or gs://`
    throw new HillockError('StoreRefused', message)
  })

/** A folder, and what is missing on the way to it: where the file system makes none that is said (Node's own `recursive` goes on trying for ever below /proc). @throws Error of the file system */
export function makeFolders(path: string): void {
  try {
    mkdirSync(path)
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw e
    makeFolders(dirname(path))
    makeFolders(path)
  }
}
