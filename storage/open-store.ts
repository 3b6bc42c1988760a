// The store that a bucket URL names, chosen by its scheme.
import { fileURLToPath } from 'node:url'
import { HillockError } from '../domain/errors.ts'
import { fileStore } from './file-store.ts'
import type { ObjectStore } from './object-store.ts'

/**
 * Opens `file:///folder` or a plain path as a folder.
 * @throws HillockError ConfigError for a scheme that is not served.
 */
export function openStore(url: string): ObjectStore {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//.exec(url)?.[1]
  if (scheme === undefined) return fileStore(url)
  if (scheme === 'file') return fileStore(fileURLToPath(url))
  if (scheme === 'gs')
    throw new HillockError('ConfigError', `${url}: buckets of Google Cloud Storage are not served yet; use a folder`)
  throw new HillockError('ConfigError', `${url}: no object store has the scheme ${scheme}://`)
}
