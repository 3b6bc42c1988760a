// Clients of a bucket that a test has started, as `openStore` composes them, but sooner to give up and to try again.
import { setTimeout as sleep } from 'node:timers/promises'
import { coalesced } from '../../storage/stores/coalesce.ts'
import { gcsStore } from '../../storage/stores/gcs-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { rateLimited } from '../../storage/stores/rate-limit.ts'
import { retrying } from '../../storage/stores/retry-store.ts'
import { random } from '../storage/fixtures.ts'
import type { Place } from '../storage/object-store-contract.ts'

export const BUCKET = 'test-bucket'
const next = random(11)
export const patient = (store: ObjectStore): ObjectStore =>
  coalesced(retrying(rateLimited(store), { ms: 120_000, random: next, pause: ms => sleep(ms / 50) }))
export const plain = (endpoint: string, prefix = ''): ObjectStore =>
  gcsStore(BUCKET, prefix, { endpoint, stallMs: 1500, resumableFrom: 500_000 })

let places = 0
/** An empty folder of the bucket. */
export const placeAt = (endpoint: string): Place => {
  const prefix = `p${places++}/`
  return {
    open: () => patient(plain(endpoint, prefix)),
    url: `gs://${BUCKET}/${prefix}`,
    env: { STORAGE_EMULATOR_HOST: endpoint },
  }
}
