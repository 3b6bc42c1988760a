// Files of Google Cloud Storage over its web address: read with the account of this process, or as anybody where it has none.
import { createRequire } from 'node:module'
import type * as google from '@google-cloud/storage'
import { HillockError } from '../../domain/errors.ts'
import { setting } from '../../domain/settings.ts'

const load = createRequire(import.meta.url)

/** Of a gs:// name, in which any sign may stand. */
export function cloudAddress(url: string): string {
  const emulator = setting('STORAGE_EMULATOR_HOST')
  const host =
    emulator === undefined
      ? 'https://storage.googleapis.com'
      : new URL(emulator.includes('://') ? emulator : `http://${emulator}`).origin
  return `${host}/${url.slice('gs://'.length).replaceAll(/[%?#]/g, encodeURIComponent)}`
}

/** So long none is looked for again where there was none: on other machines than Google's that takes seconds. */
const NONE_MS = 60_000

let account: google.Storage['authClient'] | undefined
let noneUntil = 0

/** The header that says who asks; public buckets are read without. @throws HillockError StoreError where the account gives no token */
export async function cloudAccount(): Promise<Record<string, string>> {
  if (setting('STORAGE_EMULATOR_HOST') !== undefined || Date.now() < noneUntil) return {}
  try {
    // Not before a bucket is read: it takes a third of a second to load.
    account ??= new (load('@google-cloud/storage') as typeof google).Storage().authClient
    return { authorization: `Bearer ${await account.getAccessToken()}` }
  } catch (e) {
    account = undefined
    const { message } = e as Error
    if (!/default credentials/.test(message))
      throw new HillockError('StoreError', `the account for gs:// gives no access: ${message}`)
    noneUntil = Date.now() + NONE_MS
    return {}
  }
}
