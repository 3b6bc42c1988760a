// The store that a bucket URL names, chosen by its scheme, with what a bucket over the network needs around it.
import { fileURLToPath } from 'node:url'
import { configError } from '../../domain/errors.ts'
import { setting } from '../../domain/settings.ts'
import { cached } from './cache.ts'
import { coalesced } from './coalesce.ts'
import { fileStore } from '../file-store.ts'
import { gcsStore } from './gcs-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { observed, type Request } from './observed-store.ts'
import { rateLimited } from './rate-limit.ts'
import { retrying } from './retry-store.ts'

/** For somebody who waits at a terminal or a browser. */
const PATIENCE_MS = 30_000

const SCHEME = /^([a-z][a-z0-9+.-]+):\/\//

export interface StoreOptions {
  /** For so long a bucket that does not answer is tried again. */
  readonly patienceMs?: number
  /** Of a folder: what it has to be marked with (`markFolder`). Without its mark it is away, not empty. */
  readonly mark?: string | undefined
  /** Bytes kept in memory of what a bucket over the network holds. */
  readonly cacheBytes?: number
  /** Told of every request, those that are repeated too. */
  readonly tell?: (request: Request) => void
}

/** The folder that a bucket URL names; undefined where it names something else. */
export function folderOf(url: string): string | undefined {
  const scheme = SCHEME.exec(url)?.[1]
  return scheme === undefined ? url : scheme === 'file' ? fileURLToPath(url) : undefined
}

/**
 * Opens `gs://bucket/prefix`, `file:///folder`, or a plain path as a folder.
 * @throws HillockError ConfigError for a URL that names neither.
 */
export function openStore(url: string, options: StoreOptions = {}): ObjectStore {
  const { patienceMs = PATIENCE_MS, cacheBytes, tell } = options
  const told = (store: ObjectStore): ObjectStore => (tell ? observed(store, tell) : store)
  const patient = (store: ObjectStore): ObjectStore => retrying(store, { ms: patienceMs })
  const folderPath = folderOf(url)
  if (folderPath !== undefined) return patient(told(fileStore(folderPath, options.mark)))
  const scheme = SCHEME.exec(url)?.[1]
  if (scheme !== 'gs') throw configError(`${url}: no object store has the scheme ${scheme}://`)
  const [, bucket, prefix] = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? []
  if (bucket === undefined) throw configError(`${url}: give a bucket as gs://bucket or gs://bucket/prefix`)
  const folder = prefix === undefined || prefix === '' || prefix.endsWith('/') ? (prefix ?? '') : `${prefix}/`
  const plain = gcsStore(bucket, folder, { endpoint: setting('STORAGE_EMULATOR_HOST') })
  const store = coalesced(patient(rateLimited(told(plain))))
  return cacheBytes === undefined ? store : cached(store, cacheBytes)
}
