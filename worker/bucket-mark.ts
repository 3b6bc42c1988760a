// The mark of a bucket that is a folder: one that is away, or has another in its place, is waited for, and never made anew in silence.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { markFolder } from '../storage/file-store.ts'
import { folderOf } from '../storage/stores/open-store.ts'
import { readJson, writeJson, type Home } from './home.ts'

const fileOf = (h: Home): string => join(h.root, 'bucket-mark.json')

/** What this home knows its bucket by; undefined where it has not worked on it yet, or it is no folder. */
export function knownMark(h: Home): string | undefined {
  const known = readJson(fileOf(h)) as Record<string, string> | undefined
  return folderOf(h.bucket) === undefined ? undefined : known?.[h.bucket]
}

/**
 * Makes the folder and its mark when this home meets it for the first time, and remembers both.
 * @throws HillockError StoreRefused, StoreError where it cannot be made or marked
 */
export async function meetBucket(h: Home): Promise<void> {
  const folder = folderOf(h.bucket)
  if (folder === undefined || knownMark(h) !== undefined) return
  const mark = await markFolder(folder, randomUUID())
  writeJson(fileOf(h), { ...(readJson(fileOf(h)) as object | undefined), [h.bucket]: mark })
}
