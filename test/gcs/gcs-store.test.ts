// Google Cloud Storage as object store: the contract on a fake of ours and on the emulator that others wrote.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { HillockError } from '../../domain/errors.ts'
import { failure, transientOf } from '../../storage/stores/gcs-errors.ts'
import { gcsStore } from '../../storage/stores/gcs-store.ts'
import { collect, objectStoreContract, text } from '../storage/object-store-contract.ts'
import { BUCKET, patient, placeAt, plain } from './clients.ts'
import { startEmulator } from './emulator.ts'
import { startFakeGcs, type FakeGcs } from './fake-gcs.ts'

let calm: FakeGcs
let emulator: Awaited<ReturnType<typeof startEmulator>>
beforeAll(async () => {
  calm = await startFakeGcs([BUCKET])
  emulator = await startEmulator(BUCKET)
}, 900_000)
afterAll(async () => {
  await Promise.all([calm.stop(), emulator.stop()])
})

objectStoreContract('our fake', async () => placeAt(calm.url), { runs: 15, counts: 10 })
objectStoreContract('fake-gcs-server', async () => placeAt(emulator.url), { runs: 10, counts: 10 })
// What the emulator cannot show, the fake does (below, and faults.test.ts): an upload that goes on where it was cut (it takes the query how far
// it came for its end); faults, quotas and refused credentials. It ignores preconditions of reads, copies and removals; the store sends none.
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

  test('an upload that was cut goes on where it was', async () => {
    const gcs = await startFakeGcs([BUCKET])
    onTestFinished(() => gcs.stop())
    const bytes = new Uint8Array(4 << 20).map((_, i) => i >> 7)
    gcs.plan.once = { fault: 'cut upload', request: 1 }
    expect(await patient(plain(gcs.url)).putIfAbsent('o', bytes)).toBe('created')
    expect(gcs.plan.struck.get('cut upload')).toBe(1)
    expect(gcs.received.get('o')).toBeLessThanOrEqual(bytes.length * 1.5)
    expect(Buffer.compare(gcs.buckets.get(BUCKET)!.get('o')!.bytes, bytes)).toBe(0)
  })

  test.each([
    [{ code: 401, message: 'Anonymous caller' }, 'StoreRefused', 'gcloud auth application-default login'],
    [{ message: 'Could not load the default credentials.' }, 'StoreRefused', 'GOOGLE_APPLICATION_CREDENTIALS'],
    [{ status: 400, message: 'invalid_grant' }, 'StoreRefused', 'there are no valid credentials'],
    [{ code: 403, message: 'no storage.objects.get access' }, 'StoreRefused', 'roles/storage.objectUser'],
    [{ code: 403, message: 'x', errors: [{ reason: 'rateLimitExceeded' }] }, 'throttled', 'gs://b/k'],
    [{ code: 429, message: 'slow down' }, 'throttled', 'could not read'],
    [{ response: { status: 502 }, message: 'bad gateway' }, 'unavailable', '502'],
    [{ message: 'Retry limit exceeded - status: 503' }, 'unavailable', '503'],
    [{ code: 'ECONNRESET', message: 'socket hang up' }, 'cut', 'socket hang up'],
    [{ code: 400, message: 'doubtful' }, 'StoreError', '400'],
  ])('%j is %s', (e, kind, says) => {
    const found = failure('read', 'gs://b/k', Object.assign(new Error(), e)) as HillockError
    expect(transientOf(found) ?? found.type).toBe(kind)
    expect(found.message).toContain(says)
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
