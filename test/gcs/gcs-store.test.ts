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

describe('faults', () => {
  /** One of every kind of request; every verdict is held against what took effect. */
  async function scenario(gcs: FakeGcs, prefix: string): Promise<void> {
    const store = patient(plain(gcs.url, prefix))
    const made = (key: string): number => gcs.writes.filter(w => w.name === prefix + key).length
    const large = new Uint8Array(1_500_000).map((_, i) => i % 251)
    const put = async (key: string, bytes: Uint8Array): Promise<void> => {
      const verdict = await store.putIfAbsent(key, bytes)
      expect(verdict).toBe(made(key) === 1 ? 'created' : 'exists')
    }
    const swap = async (expected: string | undefined, value: string): Promise<boolean> => {
      const before = made('refs/r')
      const swapped = await store.swapRef('refs/r', expected, value)
      expect(made('refs/r') - before).toBe(swapped ? 1 : 0)
      return swapped
    }
    await put('small', text('hello'))
    expect(await store.putIfAbsent('small', text('other'))).toBe('exists')
    expect(await read(store, 'small')).toBe('hello')
    await put('large', large)
    // A competitor that is told of at the start of a large upload has written something else.
    if (made('large') === 1) {
      expect(Buffer.compare((await store.get('large'))!, large)).toBe(0)
      expect(await store.getRange('large', 1_400_000, 200_000)).toEqual(large.slice(1_400_000))
    }
    expect(await store.size('small')).toBe(5)
    for (let n = 1; n <= 2;) {
      const now = await store.readRef('refs/r')
      expect(await swap('1', 'stale')).toBe(false)
      if (await swap(now?.version, `value ${n}`)) n++
      else if (now === undefined && (await store.readRef('refs/r')) !== undefined) n++
    }
    expect((await store.readRef('refs/r'))!.value).toBe('value 2')
    expect(await collect(store.list(''))).toEqual(['large', 'refs/r', 'small'])
    await store.remove('small')
    expect(await store.get('small')).toBeUndefined()
  }

  test('every fault at every request: the verdict is what took effect, what is read is whole', async () => {
    const gcs = await startFakeGcs([BUCKET])
    onTestFinished(() => gcs.stop())
    await scenario(gcs, 'calm/')
    const requests = gcs.plan.requests
    for (const fault of Object.keys(FAULTS) as Fault[])
      for (let n = 0; n < requests; n++) {
        gcs.plan.once = { fault, request: gcs.plan.requests + n }
        await scenario(gcs, `${fault.replaceAll(' ', '-')}/${n}/`)
      }
    console.log(`every fault at each of ${requests} requests:\n${faultTable(gcs.plan)}`)
    for (const fault of Object.keys(FAULTS) as Fault[]) expect(gcs.plan.struck.get(fault), fault).toBeGreaterThan(0)
  })

  test('sixteen clients at a fault rate of one in five: nothing lost, doubled or half visible', async () => {
    const gcs = await startFakeGcs([BUCKET], 3, 0.2)
    onTestFinished(() => gcs.stop())
    const KEYS = 40
    const bytesOf = (key: number, client: number): Uint8Array =>
      Buffer.alloc(1000 + key * (key % 8 === 0 ? 40_000 : 100), `${key} by ${client};`)
    const winners = new Map<number, number[]>()
    const counted: number[] = []
    const client = async (c: number): Promise<void> => {
      const store = patient(plain(gcs.url))
      for (let i = 0; i < KEYS; i++) {
        const key = (i * 7 + c) % KEYS
        if ((await store.putIfAbsent(`k/${key}`, bytesOf(key, c))) === 'created')
          winners.set(key, [...(winners.get(key) ?? []), c])
        // Whole, and of one writer, from the moment on at which it is there.
        const seen = (await store.get(`k/${key}`))!
        expect(Array.from({ length: 16 }, (_, w) => bytesOf(key, w)).some(b => Buffer.compare(b, seen) === 0)).toBe(
          true,
        )
        if (i % 8 === 0)
          for (;;) {
            const now = await store.readRef('refs/counter')
            const next_ = Number(now?.value ?? 0) + 1
            if (!(await store.swapRef('refs/counter', now?.version, String(next_)))) continue
            counted.push(next_)
            break
          }
      }
    }
    await Promise.all(Array.from({ length: 16 }, (_, c) => client(c)))
    gcs.plan.rate = 0
    const store = patient(plain(gcs.url))
    expect(await collect(store.list('k/'))).toHaveLength(KEYS)
    let others = 0
    for (let key = 0; key < KEYS; key++) {
      const took = gcs.writes.filter(w => w.name === `k/${key}`).length
      // Where the fake's competitor was first, nobody is told that it created.
      expect(winners.get(key)?.length ?? 0).toBe(took)
      expect(took).toBeLessThanOrEqual(1)
      if (took === 0) others++
      else expect(Buffer.compare((await store.get(`k/${key}`))!, bytesOf(key, winners.get(key)![0]!))).toBe(0)
    }
    expect(others).toBeLessThan(KEYS / 2)
    // Every increment was counted once, by whom it was told.
    expect(counted.sort((a, b) => a - b)).toEqual(Array.from({ length: 16 * 5 }, (_, i) => i + 1))
    expect((await store.readRef('refs/counter'))!.value).toBe(String(16 * 5))
    console.log(
      `sixteen clients, ${KEYS} objects, a counter; ${others} objects were the competitor's:\n${faultTable(gcs.plan)}`,
    )
  })
})

let faulty: FakeGcs
beforeAll(async () => {
  faulty = await startFakeGcs([BUCKET], 2, 0.05)
})
afterAll(() => {
  console.log(`the contract:\n${faultTable(faulty.plan)}`)
  return faulty.stop()
})
