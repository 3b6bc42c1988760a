// What every object store keeps, whatever it is made of: whole objects or none, one winner of a race, refs that lose no update.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ObjectStore } from '../../storage/object-store.ts'
import { bytesOf, random, startWriter } from './fixtures.ts'

/** An empty store somewhere. */
export interface Place {
  /** Another client of it. */
  open(): ObjectStore
  /** As another process finds it, with this in its environment. */
  readonly url: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Extent {
  /** Cases of the property tests. */
  readonly runs: number
  /** Increments that each of two processes makes of one counter while a third is killed; undefined leaves processes out. */
  readonly counts?: number
}

export const text = (s: string): Uint8Array => Buffer.from(s)
export const read = async (store: ObjectStore, key: string): Promise<string | undefined> => {
  const bytes = await store.get(key)
  return bytes && Buffer.from(bytes).toString()
}
export const collect = async (keys: AsyncIterable<string>): Promise<string[]> => {
  const out: string[] = []
  for await (const k of keys) out.push(k)
  return out
}

const SEGMENTS = ['a', 'b', 'a-b', 'ab', 'a.json', 'A', '0', 'refs', '~', 'x_y', 'a+b', 'k=v', 'u@h', '1:2']
const key = fc.array(fc.constantFrom(...SEGMENTS), { minLength: 1, maxLength: 3 }).map(s => s.join('/'))
const prefix = fc.constantFrom('', 'a', 'a/', 'a-', 'a/b', 'a+', 'refs/', 'refs/a', 'zz')
/** A folder cannot also be an object; refs can be both. */
const clashes = (k: string, with_: Iterable<string>): boolean =>
  k === 'refs' ||
  (!k.startsWith('refs/') && [...with_].some(m => m !== k && (m.startsWith(`${k}/`) || k.startsWith(`${m}/`))))

export function objectStoreContract(name: string, fresh: () => Promise<Place>, { runs, counts }: Extent): void {
  describe(name, () => {
    test('objects are written once and read back whole, in part, and by size', async () => {
      const store = (await fresh()).open()
      expect(await store.get('a/b')).toBeUndefined()
      expect(await store.getRange('a/b', 0, 1)).toBeUndefined()
      expect(await store.getRange('a/b', 0, 0)).toBeUndefined()
      expect(await store.size('a/b')).toBeUndefined()
      expect(await store.putIfAbsent('a/b', text('hello'))).toBe('created')
      expect(await store.putIfAbsent('a/b', text('other'))).toBe('exists')
      expect(await store.putIfAbsent('a/b', text('hello'))).toBe('exists')
      const bytes = (await store.get('a/b'))!
      expect(Buffer.from(bytes).toString()).toBe('hello')
      expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, 5])
      expect(await store.size('a/b')).toBe(5)
      expect(await store.get('a')).toBeUndefined()
      expect(await store.size('a/b/c')).toBeUndefined()
    })

    test('ranges end where the object ends', async () => {
      const store = (await fresh()).open()
      await store.putIfAbsent('o', text('hello'))
      await store.putIfAbsent('empty', text(''))
      const cases = [
        [0, 5],
        [1, 3],
        [3, 9],
        [4, 1],
        [5, 1],
        [9, 9],
        [2, 0],
      ] as const
      for (const [offset, length] of cases) {
        const part = (await store.getRange('o', offset, length))!
        expect(Buffer.from(part).toString()).toBe('hello'.slice(offset, offset + length))
        expect([part.byteOffset, part.buffer.byteLength]).toEqual([0, part.length])
        expect(await store.getRange('empty', offset, length)).toHaveLength(0)
      }
      expect(await store.get('empty')).toHaveLength(0)
      expect(await store.size('empty')).toBe(0)
      // Asked for at the same time, they do not get each other's bytes.
      const parts = await Promise.all(cases.map(([o, n]) => store.getRange('o', o, n)))
      expect(parts.map(p => Buffer.from(p!).toString())).toEqual(cases.map(([o, n]) => 'hello'.slice(o, o + n)))
    })

    test('odd names and long ones are held as they are', async () => {
      const store = (await fresh()).open()
      const names = [
        'a:b/c+d/e=f@g~h-i_j.k',
        '+/=/@/~/-',
        `${'l'.repeat(200)}/x`,
        Array.from({ length: 9 }, (_, i) => `${i}`.repeat(99)).join('/'),
        'a/..b',
        'raw/sha256/ab/0',
      ].filter(n => !/(^|\/)\./.test(n))
      for (const n of names) expect(await store.putIfAbsent(n, text(n))).toBe('created')
      for (const n of names) expect(await read(store, n)).toBe(n)
      expect(await collect(store.list(''))).toEqual(names.sort())
    })

    test.each(['', '/a', 'a/', 'a//b', '../a', 'a/../b', './a', 'a/.hidden', 'a\\b', 'a b', 'ä', 'x'.repeat(300)])(
      'the key %j is refused',
      async k => {
        const store = (await fresh()).open()
        await expect(store.putIfAbsent(k, text(''))).rejects.toThrow(TypeError)
        await expect(store.get(k)).rejects.toThrow(TypeError)
        await expect(store.getRange(k, 0, 1)).rejects.toThrow(TypeError)
        await expect(store.size(k)).rejects.toThrow(TypeError)
        await expect(store.remove(k)).rejects.toThrow(TypeError)
        await expect(store.swapRef(`refs/${k}`, undefined, '')).rejects.toThrow(TypeError)
      },
    )

    test('only keys under refs/ are swapped, and those are neither put nor removed', async () => {
      const store = (await fresh()).open()
      await expect(store.swapRef('a/b', undefined, 'v')).rejects.toThrow(TypeError)
      await expect(store.readRef('a/b')).rejects.toThrow(TypeError)
      await expect(store.putIfAbsent('refs/a', text('v'))).rejects.toThrow(TypeError)
      await expect(store.get('refs/a')).rejects.toThrow(TypeError)
      await expect(store.remove('refs/a')).rejects.toThrow(TypeError)
    })

    test('a read can be aborted', async () => {
      const store = (await fresh()).open()
      await store.putIfAbsent('a', text('x'))
      await expect(store.get('a', { signal: AbortSignal.abort() })).rejects.toThrow('abort')
    })

    test('large objects come back byte for byte, whole and in parts', async () => {
      const store = (await fresh()).open()
      const next = random(5)
      const bytes = new Uint8Array(3_000_001).map(() => next() * 256)
      expect(await store.putIfAbsent('large', bytes.subarray(1))).toBe('created')
      expect(Buffer.compare((await store.get('large'))!, bytes.subarray(1))).toBe(0)
      expect(await store.size('large')).toBe(3_000_000)
      const offsets = Array.from({ length: 12 }, () => Math.floor(next() * 3_000_000))
      const parts = await Promise.all(offsets.map(o => store.getRange('large', o, 1000 + (o >> 2))))
      for (const [i, o] of offsets.entries())
        expect(Buffer.compare(parts[i]!, bytes.subarray(1 + o, Math.min(1 + o + 1000 + (o >> 2), 3_000_001)))).toBe(0)
    })

    test('one of sixteen racing writers creates, and its bytes stay', async () => {
      const place = await fresh()
      for (let round = 0; round < 3; round++) {
        const results = await Promise.all(
          Array.from({ length: 16 }, (_, i) => place.open().putIfAbsent(`k/${round}`, text(`writer ${i}`))),
        )
        expect(results.filter(r => r === 'created')).toHaveLength(1)
        expect(await read(place.open(), `k/${round}`)).toBe(`writer ${results.indexOf('created')}`)
      }
    })

    test('objects behave as a map that is written once', async () => {
      const step = fc.record({
        what: fc.constantFrom('put' as const, 'put' as const, 'get' as const, 'range' as const, 'remove' as const),
        key,
        bytes: fc.uint8Array({ maxLength: 40 }),
        offset: fc.nat(45),
        length: fc.nat(45),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 16 }), async steps => {
          const place = await fresh()
          const model = new Map<string, Uint8Array>()
          for (const s of steps) {
            const store = place.open()
            if (s.key.startsWith('refs/') || clashes(s.key, model.keys())) continue
            const known = model.get(s.key)
            if (s.what === 'put') {
              expect(await store.putIfAbsent(s.key, s.bytes)).toBe(known ? 'exists' : 'created')
              if (!known) model.set(s.key, s.bytes)
            } else if (s.what === 'remove') {
              await store.remove(s.key)
              model.delete(s.key)
            } else if (s.what === 'get') expect(await store.get(s.key)).toEqual(known && new Uint8Array(known))
            else
              expect(await store.getRange(s.key, s.offset, s.length)).toEqual(
                known && new Uint8Array(known.slice(s.offset, s.offset + s.length)),
              )
          }
          expect(await collect(place.open().list(''))).toEqual([...model.keys()].sort())
        }),
        { numRuns: runs },
      )
    })

    test('list gives every key with the prefix behind a given one, once, in code-unit order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(key, { maxLength: 12 }), prefix, fc.option(key), async (keys, start, after) => {
          const store = (await fresh()).open()
          const made: string[] = []
          for (const k of keys) {
            if (clashes(k, made)) continue
            if (k.startsWith('refs/')) await store.swapRef(k, undefined, 'v')
            else await store.putIfAbsent(k, text('x'))
            made.push(k)
          }
          const wanted = made.filter(k => k.startsWith(start) && k > (after ?? '')).sort()
          expect(await collect(store.list(start, after ?? undefined))).toEqual(wanted)
        }),
        { numRuns: runs },
      )
    })

    test('refs behave as a register with compare-and-swap', async () => {
      const step = fc.record({ fresh: fc.boolean(), stale: fc.nat(3), value: fc.string({ unit: 'grapheme' }) })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
          const store = (await fresh()).open()
          const seen: (string | undefined)[] = [undefined]
          let current: string | undefined
          for (const s of steps) {
            const now = await store.readRef('refs/d/c')
            expect(now?.value).toBe(current)
            if (now && seen.at(-1) !== now.version) seen.push(now.version)
            const expected = s.fresh ? now?.version : seen[Math.max(0, seen.length - 1 - s.stale)]
            const swapped = await store.swapRef('refs/d/c', expected, s.value)
            expect(swapped).toBe(expected === now?.version)
            if (swapped) current = s.value
          }
        }),
        { numRuns: runs },
      )
    })

    test('a version that was never given out swaps nothing', async () => {
      const store = (await fresh()).open()
      expect(await store.swapRef('refs/d/c', '000000000001', 'none')).toBe(false)
      await store.swapRef('refs/d/c', undefined, 'one')
      for (const version of ['000000000005', '7', 'x', '../000000000001', '', '0'])
        expect(await store.swapRef('refs/d/c', version, 'two')).toBe(false)
      expect((await store.readRef('refs/d/c'))?.value).toBe('one')
    })

    test('one of sixteen racing swaps wins, and its value stays', async () => {
      const place = await fresh()
      let version: string | undefined
      for (let round = 0; round < 3; round++) {
        const results = await Promise.all(
          Array.from({ length: 16 }, (_, i) => place.open().swapRef('refs/d/c', version, `${round} ${i}`)),
        )
        expect(results.filter(Boolean)).toHaveLength(1)
        const now = (await place.open().readRef('refs/d/c'))!
        expect(now.value).toBe(`${round} ${results.indexOf(true)}`)
        version = now.version
      }
    })

    if (counts === undefined) return
    test('processes that count together lose no count, and one killed among them none that it was told', async () => {
      const place = await fresh()
      const writers = await Promise.all(
        [counts, counts, 1_000_000].map(n => startWriter('count', place.url, String(n), place.env)),
      )
      const victim = writers.pop()!
      await Promise.all(writers.map(w => w.done))
      victim.child.kill('SIGKILL')
      await victim.done
      const told = (w: { output: () => string }): number[] =>
        [...w.output().matchAll(/counted (\d+)\n/g)].map(m => Number(m[1]))
      const all = [...writers, victim].flatMap(told)
      const now = (await place.open().readRef('refs/d/counter'))!
      expect(writers.map(w => told(w).length)).toEqual([counts, counts])
      expect(new Set(all).size).toBe(all.length)
      // The victim may have died between its last swap and the telling of it.
      expect([all.length, all.length + 1]).toContain(Number(now.value))
      expect(await place.open().swapRef('refs/d/counter', now.version, 'on')).toBe(true)
    })

    test('processes killed at random moments leave whole objects only, and others finish the work', async () => {
      const place = await fresh()
      const store = place.open()
      const next = random(7)
      const both = await Promise.all([0, 1].map(() => startWriter('objects', place.url, '60', place.env)))
      for (const w of both) {
        await new Promise(r => setTimeout(r, next() * 60))
        w.child.kill('SIGKILL')
      }
      await Promise.all(both.map(w => w.done))
      const keys = await collect(store.list('objects/'))
      expect(keys.length).toBeGreaterThan(0)
      for (const k of keys) expect(Buffer.compare((await store.get(k))!, bytesOf(Number(k.split('/')[1])))).toBe(0)
      const last = await startWriter('objects', place.url, String(keys.length + 2), place.env)
      await last.done
      expect(await collect(store.list('objects/'))).toHaveLength(keys.length + 2)
    })
  })
}
