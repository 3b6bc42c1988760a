// What is put around a store: retries, rate limit, joined ranges, cache and metrics, each on a store whose answers the test decides.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HillockError } from '../../domain/errors.ts'
import { around } from '../../storage/stores/around.ts'
import { cached } from '../../storage/stores/cache.ts'
import { coalesced } from '../../storage/stores/coalesce.ts'
import { transient } from '../../storage/stores/gcs-errors.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { observed, type Request } from '../../storage/stores/observed-store.ts'
import { rateLimited } from '../../storage/stores/rate-limit.ts'
import { retrying } from '../../storage/stores/retry-store.ts'
import { memoryStore, random } from './fixtures.ts'
import { collect, read, text } from './object-store-contract.ts'

/** Time that passes only where somebody waits. */
function clock(): { now: () => number; pause: (ms: number) => Promise<void>; waits: number[] } {
  let at = 1_000_000
  const waits: number[] = []
  return {
    now: () => at,
    waits,
    pause: async ms => {
      waits.push(ms)
      at += ms
    },
  }
}

/** Fails as told before it does what it is asked. */
const failing = (store: ObjectStore, next: () => Error | undefined): ObjectStore =>
  around(store, async (_operation, _key, work) => {
    const e = next()
    if (e) throw e
    return work()
  })

const away = (): Error => transient('unavailable', 'away', 'a')

describe('retries', () => {
  test('wait longer and longer at random, and end when patience does', async () => {
    const time = clock()
    const store = retrying(failing(memoryStore(), away), { ms: 60_000, random: random(3), ...time })
    await expect(store.get('a')).rejects.toMatchObject({ type: 'StoreError', message: 'away' })
    const bounds = time.waits.map((_, i) => Math.min(16_000, 250 * 2 ** i))
    expect(time.waits.length).toBeGreaterThan(6)
    expect(time.waits.every((w, i) => w >= 0 && w <= bounds[i]!)).toBe(true)
    expect(time.waits.reduce((a, b) => a + b)).toBeLessThanOrEqual(60_000)
    const again = clock()
    await expect(
      retrying(failing(memoryStore(), away), { ms: 60_000, random: random(3), ...again }).get('a'),
    ).rejects.toThrow()
    expect(again.waits).toEqual(time.waits)
  })

  test.each([
    new HillockError('StoreRefused', 'forbidden'),
    new HillockError('StoreError', 'disk full'),
    new TypeError('not an object key'),
    new DOMException('aborted', 'AbortError'),
  ])('are not for %s', async e => {
    const time = clock()
    await expect(
      retrying(
        failing(memoryStore(), () => e),
        { ms: 60_000, ...time },
      ).get('a'),
    ).rejects.toBe(e)
    expect(time.waits).toEqual([])
  })

  test('all attempts at one call carry one name, calls do not share it', async () => {
    const seen: [string, boolean][] = []
    let n = 0
    const store: ObjectStore = {
      ...memoryStore(),
      putIfAbsent: async (_key, _bytes, attempts) => {
        seen.push([attempts!.id, attempts!.again])
        if (n++ % 3 < 2) throw away()
        return 'created'
      },
    }
    const patient = retrying(store, { ms: 60_000, ...clock() })
    for (const key of ['a', 'b']) await patient.putIfAbsent(key, text(''))
    expect(seen.map(([, again]) => again)).toEqual([false, true, true, false, true, true])
    expect([new Set(seen.slice(0, 3).map(s => s[0])).size, new Set(seen.map(s => s[0])).size]).toEqual([1, 2])
  })

  test('a list that breaks goes on where it broke', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.infiniteStream(fc.nat(4)), async (size, chances) => {
        const inner = memoryStore()
        const keys = Array.from({ length: size }, (_, i) => `k/${String(i).padStart(3, '0')}`)
        for (const k of keys) await inner.putIfAbsent(k, text(k))
        const breaking: ObjectStore = {
          ...inner,
          async *list(prefix, after) {
            for await (const k of inner.list(prefix, after)) {
              if (chances.next().value === 0) throw away()
              yield k
            }
          },
        }
        const store = retrying(breaking, { ms: 1e9, ...clock() })
        expect(await collect(store.list('k/'))).toEqual(keys)
      }),
      { numRuns: 50 },
    )
  })
})

describe('the rate limit', () => {
  /** Requests that a bucket with room for `room` per second answers in `seconds`, asked by one client without a break. */
  async function sent(room: number, seconds: number): Promise<{ well: number; refused: number }> {
    const time = clock()
    const start = time.now()
    let [second, inIt, well, refused] = [0, 0, 0, 0]
    const bucket = around(memoryStore(), async () => {
      const s = Math.floor((time.now() - start) / 1000)
      if (s !== second) [second, inIt] = [s, 0]
      // The client alone would send a thousand in a second.
      await time.pause(1)
      if (++inIt > room) {
        refused++
        throw transient('throttled', 'slow down', 'a')
      }
      well++
      return undefined as never
    })
    const store = rateLimited(bucket, time)
    while (time.now() - start < seconds * 1000) await store.size('artifacts/render/x').catch(() => undefined)
    return { well, refused }
  }

  test('settles below what the bucket takes, and uses most of it', async () => {
    const { well, refused } = await sent(200, 120)
    expect(refused / (well + refused)).toBeLessThan(0.05)
    expect(well).toBeGreaterThan(0.7 * 200 * 120)
  })

  test('leaves alone what is not throttled', async () => {
    const time = clock()
    const store = rateLimited(failing(memoryStore(), away), time)
    for (let i = 0; i < 100; i++) await store.size('a').catch(() => undefined)
    expect(time.waits).toEqual([])
  })

  test('holds back the prefix that is throttled and no other', async () => {
    const time = clock()
    let refuse = true
    const store = rateLimited(
      failing(memoryStore(), () => (refuse ? transient('throttled', 'slow down', 'a') : undefined)),
      time,
    )
    await store.size('artifacts/render/a').catch(() => undefined)
    refuse = false
    for (let i = 0; i < 5; i++) await store.size('artifacts/mesh/a')
    await store.size('raw/a')
    expect(time.waits).toEqual([])
    for (let i = 0; i < 5; i++) await store.size('artifacts/render/b')
    expect(time.waits.length).toBe(4)
  })
})

describe('ranges', () => {
  const size = 5 << 20
  const whole = new Uint8Array(size).map((_, i) => (i * 31) >> 5)
  const counting = async (): Promise<{ store: ObjectStore; asked: [number, number][] }> => {
    const inner = memoryStore()
    await inner.putIfAbsent('o', whole)
    const asked: [number, number][] = []
    return {
      asked,
      store: coalesced({
        ...inner,
        getRange: (key, offset, length) => {
          asked.push([offset, length])
          return inner.getRange(key, offset, length)
        },
      }),
    }
  }

  test('that lie close together are fetched as one, those far apart alone', async () => {
    const { store, asked } = await counting()
    const parts = await Promise.all([
      store.getRange('o', 3000, 10),
      store.getRange('o', 0, 100),
      store.getRange('o', 4 << 20, 5),
    ])
    expect(parts.map(p => p!.length)).toEqual([10, 100, 5])
    expect(asked).toEqual([
      [0, 3010],
      [4 << 20, 5],
    ])
    expect(await Promise.all([store.getRange('none', 0, 1), store.getRange('none', 5, 1)])).toEqual([
      undefined,
      undefined,
    ])
  })

  test('come back as if each had been asked for alone', async () => {
    const { store } = await counting()
    const range = fc.tuple(fc.nat(size + 10), fc.nat(1 << 20))
    await fc.assert(
      fc.asyncProperty(fc.array(range, { maxLength: 8 }), async ranges => {
        const parts = await Promise.all(ranges.map(([o, n]) => store.getRange('o', o, n)))
        for (const [i, [o, n]] of ranges.entries()) expect(Buffer.compare(parts[i]!, whole.subarray(o, o + n))).toBe(0)
      }),
      { numRuns: 30 },
    )
  })

  test('all fail when the request for them does', async () => {
    const store = coalesced({ ...memoryStore(), getRange: () => Promise.reject(away()) })
    const ended = await Promise.allSettled([store.getRange('o', 0, 1), store.getRange('o', 2, 1)])
    expect(ended.map(e => e.status)).toEqual(['rejected', 'rejected'])
  })
})

describe('the cache', () => {
  const counting = (): { inner: ObjectStore; asked: string[] } => {
    const plain = memoryStore()
    const asked: string[] = []
    return {
      asked,
      inner: {
        ...plain,
        get: key => (asked.push(key), plain.get(key)),
        getRange: (key, o, n) => (asked.push(`${key} ${o}`), plain.getRange(key, o, n)),
      },
    }
  }

  test('asks once for what is read again, and by many at a time, and gives each a copy', async () => {
    const { inner, asked } = counting()
    const store = cached(inner, 1000)
    expect(await store.get('a')).toBeUndefined()
    await store.putIfAbsent('a', text('hello'))
    const [one, two] = await Promise.all([store.get('a'), store.get('a')])
    one!.fill(0)
    expect(Buffer.from(two!).toString()).toBe('hello')
    structuredClone(two, { transfer: [two!.buffer] })
    expect(await read(store, 'a')).toBe('hello')
    expect(Buffer.from((await store.getRange('a', 1, 2))!).toString()).toBe('el')
    expect(Buffer.from((await store.getRange('a', 1, 2))!).toString()).toBe('el')
    // Absence is asked for anew: it can end.
    expect(asked).toEqual(['a', 'a', 'a 1'])
    await store.remove('a')
    expect(await store.get('a')).toBeUndefined()
    expect(await store.getRange('a', 1, 2)).toBeUndefined()
  })

  test('never keeps more than it may, and drops what was used longest ago', async () => {
    const { inner, asked } = counting()
    const store = cached(inner, 100)
    for (const k of ['a', 'b', 'c', 'd', 'e']) await store.putIfAbsent(k, new Uint8Array(25))
    await store.putIfAbsent('large', new Uint8Array(26))
    for (const k of ['a', 'b', 'c', 'd', 'a', 'e', 'a', 'b', 'large', 'large', 'e']) await store.get(k)
    expect(asked.join(' ')).toBe('a b c d e b large large')
  })
})

test('metrics tell of every request how it ended', async () => {
  const told: Request[] = []
  let n = 0
  const errors = [undefined, transient('throttled', 'slow down', 'a'), away(), undefined]
  const store = observed(
    failing(memoryStore(), () => errors[n++]),
    r => told.push(r),
  )
  await store.putIfAbsent('artifacts/render/abc/x', text('hello'))
  await store.get('artifacts/render/abc/x').catch(() => undefined)
  await store.get('raw/sha256/ab').catch(() => undefined)
  await store.get('artifacts/render/abc/x')
  const ms: unknown = expect.any(Number)
  expect(told).toEqual([
    { operation: 'put', prefix: 'artifacts/render', bytes: 5, ms, ended: 'well' },
    { operation: 'get', prefix: 'artifacts/render', bytes: 0, ms, ended: 'throttled', why: 'slow down' },
    { operation: 'get', prefix: 'raw', bytes: 0, ms, ended: 'failed', why: 'away' },
    { operation: 'get', prefix: 'artifacts/render', bytes: 5, ms, ended: 'well' },
  ])
})
