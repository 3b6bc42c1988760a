// Making folders: where the file system makes none, that is said (Node's own `recursive` goes on trying for ever below /proc).
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** A folder, and what is missing on the way to it. @throws Error of the file system */
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
