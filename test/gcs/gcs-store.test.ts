// Google Cloud Storage as object store: the contract on a fake of ours, on it with faults, and on the emulator that others wrote.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { coalesced } from '../../storage/coalesce.ts'
import { gcsStore } from '../../storage/gcs-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { rateLimited } from '../../storage/rate-limit.ts'
import { retrying } from '../../storage/retry-store.ts'
import { random } from '../storage/fixtures.ts'
import { collect, objectStoreContract, read, text, type Place } from '../storage/object-store-contract.ts'
import { startEmulator } from './emulator.ts'
import { startFakeGcs, type FakeGcs } from './fake-gcs.ts'
import { faultTable, FAULTS, type Fault } from './faults.ts'

const BUCKET = 'test-bucket'
const next = random(11)
/** As `openStore` composes it, in less of a hurry to give up and to wait. */
const patient = (store: ObjectStore): ObjectStore =>
  coalesced(retrying(rateLimited(store), { ms: 120_000, random: next, pause: ms => sleep(ms / 50) }))
const plain = (endpoint: string, prefix = ''): ObjectStore =>
  gcsStore(BUCKET, prefix, { endpoint, stallMs: 1500, resumableFrom: 1 << 20 })

let places = 0
const placeAt = (endpoint: string): Place => {
  const prefix = `p${places++}/`
  return {
    open: () => patient(plain(endpoint, prefix)),
    url: `gs://${BUCKET}/${prefix}`,
    env: { STORAGE_EMULATOR_HOST: endpoint },
  }
}

let calm: FakeGcs
beforeAll(async () => {
  calm = await startFakeGcs([BUCKET])
})
afterAll(() => calm.stop())
objectStoreContract('the fake', async () => placeAt(calm.url), { runs: 15, counts: 10 })

describe('the fake', () => {
  test('pages of a list follow each other without a gap', async () => {
    const objects = calm.buckets.get(BUCKET)!
    const keys = Array.from({ length: 2500 }, (_, i) => `many/${String(i).padStart(5, '0')}`)
    const one = { bytes: Buffer.from('x'), generation: '1', contentType: '', metadata: {} }
    for (const k of keys) objects.set(`pages/${k}`, one)
    onTestFinished(() => keys.forEach(k => objects.delete(`pages/${k}`)))
    expect(await collect(patient(plain(calm.url, 'pages/')).list('many/'))).toEqual(keys)
    expect(await collect(patient(plain(calm.url, 'pages/')).list('many/', keys[1499]))).toEqual(keys.slice(1500))
  })

  test('a bucket that is not there is no empty bucket', async () => {
    const store = patient(gcsStore('no-such-bucket', '', { endpoint: calm.url }))
    const refused = expect.objectContaining({
      type: 'StoreRefused',
      message: expect.stringContaining('buckets create'),
    })
    await expect(store.get('a')).rejects.toEqual(refused)
    await expect(store.size('a')).rejects.toEqual(refused)
    await expect(store.putIfAbsent('a', text('x'))).rejects.toEqual(refused)
    await expect(store.readRef('refs/a')).rejects.toEqual(refused)
    await expect(collect(store.list(''))).rejects.toEqual(refused)
  })
})
