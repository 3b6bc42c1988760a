// An object store in one file, so that millions of small objects are no burden to a file system.
import { DatabaseSync } from 'node:sqlite'
import { sha256 } from '../../domain/recipe.ts'
import type { ObjectStore } from '../../storage/object-store.ts'

export interface OneFile extends ObjectStore {
  readonly db: DatabaseSync
  /** Objects that were read as a whole. */
  reads: number
}

export function oneFile(file: string): OneFile {
  const db = new DatabaseSync(file)
  db.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -8000')
  db.exec('create table if not exists objects (key text, bytes blob)')
  const found = db.prepare('select bytes from objects where key = ?')
  const put = db.prepare('insert into objects values (?, ?)')
  const set = db.prepare('update objects set bytes = ? where key = ?')
  const below = db.prepare('select key from objects where key >= ? and key < ? order by key')
  const get = (name: string): Uint8Array<ArrayBuffer> | undefined =>
    (found.get(name) as { bytes: Uint8Array<ArrayBuffer> } | undefined)?.bytes
  const text = (name: string): string | undefined => {
    const bytes = get(name)
    return bytes && Buffer.from(bytes).toString()
  }
  const self: OneFile = {
    url: 'file:///bench',
    db,
    reads: 0,
    async get(name) {
      self.reads++
      return get(name)
    },
    getRange: async (name, offset, length) => get(name)?.slice(offset, offset + length),
    size: async name => get(name)?.length,
    async putIfAbsent(name, bytes) {
      if (get(name)) return 'exists'
      put.run(name, bytes)
      return 'created'
    },
    async readRef(name) {
      const value = text(name)
      return value === undefined ? undefined : { value, version: sha256(value) }
    },
    async swapRef(name, expected, value) {
      const now = text(name)
      if ((now && sha256(now)) !== expected) return false
      if (now === undefined) put.run(name, Buffer.from(value))
      else set.run(Buffer.from(value), name)
      return true
    },
    remove: async () => {},
    async *list(prefix) {
      for (const row of below.all(prefix, `${prefix}\x7f`)) yield row['key'] as string
    },
  }
  return self
}
