// Files that the run file names.
import { readFile } from 'node:fs/promises'
import { HillockError } from '../../domain/errors.ts'

/**
 * Bytes of a file that the run file names under `key`.
 * @throws HillockError ConfigError when it cannot be read.
 */
export async function namedFile(key: string, file: string): Promise<Buffer<ArrayBuffer>> {
  try {
    return await readFile(file)
  } catch (e) {
    throw new HillockError('ConfigError', `${key}: cannot read ${file} (${(e as NodeJS.ErrnoException).code})`)
  }
}
