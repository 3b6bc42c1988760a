// Faults of the bucket, each by name: at every request of a scenario, at random among many clients, and under the contract.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { collect, objectStoreContract, read, text } from '../storage/object-store-contract.ts'
import { BUCKET, patient, placeAt, plain } from './clients.ts'
import { startFakeGcs, type FakeGcs } from './fake-gcs.ts'
import { faultTable, FAULTS, fits, type Fault } from './faults.ts'

/** One of every kind of request; every verdict is held against what took effect. */
async function scenario(gcs: FakeGcs, prefix: string): Promise<void> {
  const store = patient(plain(gcs.url, prefix))
  const made = (key: string): number => gcs.writes.filter(w => w.name === prefix + key).length
  const large = new Uint8Array(700_000).map((_, i) => i % 251)
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
    expect(await store.getRange('large', 699_000, 2000)).toEqual(large.slice(699_000))
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
  const kinds = [...gcs.plan.kinds]
  const requests = kinds.length
  for (const fault of Object.keys(FAULTS) as Fault[])
    // Plain refusals are alike: a part of the requests will do.
    for (let n = 0; n < requests; n += /^\d/.test(fault) ? 4 : 1) {
      if (!fits(fault, kinds[n]!)) continue
      gcs.plan.once = { fault, request: gcs.plan.requests + n }
      await scenario(gcs, `${fault.replaceAll(' ', '-')}/${n}/`)
    }
  console.log(`every fault at each of ${requests} requests:\n${faultTable(gcs.plan)}`)
  for (const fault of Object.keys(FAULTS) as Fault[]) expect(gcs.plan.struck.get(fault), fault).toBeGreaterThan(0)
})

test('sixteen clients at a fault rate of one in five: nothing lost, doubled or half visible', async () => {
  const gcs = await startFakeGcs([BUCKET], 3, 0.2)
  onTestFinished(() => gcs.stop())
  const KEYS = 24
  const bytesOf = (key: number, client: number): Uint8Array =>
    Buffer.alloc(1000 + key * (key % 8 === 0 ? 40_000 : 100), `${key} by ${client};`)
  const winners = new Map<number, number[]>()
  const counted: number[] = []
  const client = async (c: number): Promise<void> => {
    const store = patient(plain(gcs.url))
    for (let i = 0; i < KEYS; i++) {
      const key = (i * 7 + c) % KEYS
      await store.putIfAbsent(`own/${c}/${i}`, bytesOf(key, c))
      if ((await store.putIfAbsent(`k/${key}`, bytesOf(key, c))) === 'created')
        winners.set(key, [...(winners.get(key) ?? []), c])
      // Whole, and of one writer, from the moment on at which it is there; the fake's competitor writes x where a large upload begins.
      const seen = (await store.get(`k/${key}`))!
      const writers = [Buffer.from('x'), ...Array.from({ length: 16 }, (_, w) => bytesOf(key, w))]
      expect(writers.some(b => Buffer.compare(b, seen) === 0)).toBe(true)
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
  expect(await collect(store.list('own/'))).toHaveLength(16 * KEYS)
  const names = gcs.writes.map(w => w.name).filter(n => n.startsWith('own/'))
  expect(new Set(names).size).toBe(names.length)
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
  expect(counted.sort((a, b) => a - b)).toEqual(Array.from({ length: 16 * 3 }, (_, i) => i + 1))
  expect((await store.readRef('refs/counter'))!.value).toBe(String(16 * 3))
  console.log(
    `sixteen clients, ${KEYS} objects, a counter; ${others} objects were the competitor's:\n${faultTable(gcs.plan)}`,
  )
})

let faulty: FakeGcs
beforeAll(async () => {
  // In the contract nobody is to win but who takes part.
  faulty = await startFakeGcs([BUCKET], 2, 0.05, ['race lost'])
})
afterAll(async () => {
  console.log(`the contract:\n${faultTable(faulty.plan)}`)
  await faulty.stop()
})
objectStoreContract('a bucket with one request in twenty failing', async () => placeAt(faulty.url), { runs: 10 })
