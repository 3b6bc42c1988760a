// Files that a run file names: read where they are regular files (a pipe or a device would be waited for without end), and stamped like git's index.
import { constants } from 'node:fs'
import { lstat, open, stat, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { HillockError, type ErrorType } from '../../domain/errors.ts'

/** `length` bytes from `offset`; fewer where the file ends before. */
export type ReadRange = (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>

/** One read of Node is no longer. */
const LONGEST = 2 ** 31 - 1

/** `length` bytes of an open file from `offset`; fewer where it ends before. */
export async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length)
  let at = 0
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, Math.min(LONGEST, length - at), offset + at)
    if (bytesRead === 0) return bytes.slice(0, at)
    at += bytesRead
  }
  return bytes
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'is missing: there is no such file',
  ENOTDIR: 'is missing: what should be a folder on the way to it is a file',
  EACCES: 'may not be read by this process (permission denied)',
  EPERM: 'may not be read by this process (permission denied)',
  ELOOP: 'is a link that leads back to itself',
}

export interface OpenFile {
  readonly read: ReadRange
  readonly size: number
  close(): Promise<void>
}

/**
 * Opens a regular file.
 * @param type of the error where there is no such file: absent, forbidden and no file at all are told apart
 * @throws HillockError of that type; StoreError, which is tried again, where the file system fails
 */
export async function openFile(file: string, type: ErrorType): Promise<OpenFile> {
  const handle = await openRegular(file, type)
  const { size } = await handle.stat()
  return {
    size,
    read: (offset, length) =>
      readAt(handle, offset, Math.max(0, Math.min(length, size - offset))).catch((e: unknown) => {
        throw unreadable(file, type, e)
      }),
    close: () => handle.close(),
  }
}

/** The whole of a regular file. @throws HillockError as `openFile` does */
export async function readRegularFile(path: string, type: ErrorType): Promise<Uint8Array> {
  const file = await openFile(path, type)
  try {
    return await file.read(0, file.size)
  } finally {
    await file.close()
  }
}

export async function openRegular(file: string, type: ErrorType): Promise<FileHandle> {
  try {
    const what = await stat(file)
    if (!what.isFile())
      throw new HillockError(
        type,
        `${file} is ${what.isDirectory() ? 'a folder' : what.isFIFO() ? 'a named pipe' : what.isSocket() ? 'a socket' : 'a device'}, not a file`,
      )
    // Should it have become a pipe meanwhile, opening it does not wait.
    return await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (e) {
    if (e instanceof HillockError) throw e
    if ((e as NodeJS.ErrnoException).code === 'ENOENT' && (await lstat(file).catch(() => null)))
      throw new HillockError(type, `${file} is missing: it is a link to what does not exist`)
    throw unreadable(file, type, e)
  }
}

function unreadable(file: string, type: ErrorType, e: unknown): HillockError {
  const { code, message } = e as NodeJS.ErrnoException
  const words = WORDS[code ?? '']
  return words
    ? new HillockError(type, `${file} ${words}`)
    : new HillockError('StoreError', `${file} cannot be read: ${message}`)
}

/** A file that changed less than this ago may change again under the same times: clocks of file systems tick slowly. */
const SETTLED_MS = 1000

/** By size, times and inode: differs whenever the bytes of `file` do; for a file that cannot be looked at, why (`ENOENT`, `EACCES`, ...). */
export async function stampOf(file: string): Promise<string> {
  for (;;) {
    const s = await stat(file, { bigint: true }).catch((e: NodeJS.ErrnoException) => e.code ?? e.message)
    if (typeof s === 'string') return s
    const age = Date.now() - Number(s.ctimeNs / 1_000_000n)
    // A time ahead of this clock says nothing about the age.
    if (age >= SETTLED_MS || age < 0) return [s.size, s.mtimeNs, s.ctimeNs, s.ino].join()
    await sleep(SETTLED_MS - age)
  }
}
