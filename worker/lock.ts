// A lock that ends with the process that holds it, however that ends: SQLite's lock on a file, which every system has.
import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const BUSY = 5
const NO_DATABASE = 26
/** Without a reference to it a lock would be collected, and given back. */
const held = new Set<DatabaseSync>()

/** Takes the lock of `file` and returns what gives it back; undefined while another process has it. @throws Error when the file cannot be opened */
export function lock(file: string): (() => void) | undefined {
  for (let again = true; ; again = false) {
    const db = new DatabaseSync(file)
    try {
      db.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
      held.add(db)
      return () => {
        held.delete(db)
        db.close()
      }
    } catch (e) {
      db.close()
      const { errcode } = e as { errcode?: number }
      if (errcode === BUSY) return undefined
      if (errcode !== NO_DATABASE || !again) throw e
      // Nobody holds what is no database: somebody has written over it.
      writeFileSync(file, '')
    }
  }
}

/** @throws Error in one line when a database is damaged, or another process works on it. */
export function checkDatabase(file: string): void {
  const db = new DatabaseSync(file)
  try {
    db.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    const [found] = db.prepare('PRAGMA quick_check(1)').all()
    if (found?.['quick_check'] !== 'ok') throw new Error(String(found?.['quick_check']).replaceAll(/\s+/g, ' '))
    if (db.prepare('SELECT 1 FROM sqlite_schema').all().length === 0) throw new Error('it is empty')
    db.exec('ROLLBACK')
  } catch (e) {
    if ((e as { errcode?: number }).errcode === BUSY)
      throw new Error(`${file}: another process has the database of Temporal open; end it first`, { cause: e })
    throw new Error(
      `${file}: the database of Temporal is damaged (${(e as Error).message}): put a copy of it back, or move the file away to begin with an empty one (runs that were under way are lost; what was made is found)`,
      { cause: e },
    )
  } finally {
    db.close()
  }
}
