// Files that the run file names.
import { HillockError, isHillockError } from '../../domain/errors.ts'
import { readRegularFile } from '../../storage/files/regular.ts'

/**
 * Bytes of a file that the run file names under `key`.
 * @throws HillockError ConfigError where there is no such file.
 */
export async function namedFile(key: string, file: string): Promise<Uint8Array> {
  try {
    return await readRegularFile(file, 'ConfigError')
  } catch (e) {
    throw isHillockError(e) ? new HillockError(e.type, `${key}: ${e.message}`) : e
  }
}
