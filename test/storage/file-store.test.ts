// The folder as object store: whole objects or none, refs that lose no update, whatever is killed when.
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fileStore } from '../../storage/file-store.ts'
import { openStore } from '../../storage/open-store.ts'
import { bytesOf, freshFolder, random, startWriter } from './fixtures.ts'

const text = (s: string): Uint8Array => Buffer.from(s)
const collect = async (keys: AsyncIterable<string>): Promise<string[]> => {
  const out: string[] = []
  for await (const k of keys) out.push(k)
  return out
}

describe('objects', () => {
  test('are written once and read back whole, in part, and by size', async () => {
    const store = fileStore(await freshFolder())
    expect(await store.get('a/b')).toBeUndefined()
    expect(await store.getRange('a/b', 0, 1)).toBeUndefined()
    expect(await store.size('a/b')).toBeUndefined()
    expect(await store.putIfAbsent('a/b', text('hello'))).toBe('created')
    expect(await store.putIfAbsent('a/b', text('other'))).toBe('exists')
    const bytes = (await store.get('a/b'))!
    expect(Buffer.from(bytes).toString()).toBe('hello')
    expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, 5])
    expect(Buffer.from((await store.getRange('a/b', 1, 3))!).toString()).toBe('ell')
    expect(Buffer.from((await store.getRange('a/b', 3, 9))!).toString()).toBe('lo')
    expect(await store.getRange('a/b', 9, 9)).toHaveLength(0)
    expect(await store.size('a/b')).toBe(5)
    expect(await store.putIfAbsent('empty', text(''))).toBe('created')
    expect(await store.get('empty')).toHaveLength(0)
    expect(await store.get('a')).toBeUndefined()
    expect(await store.size('a/b/c')).toBeUndefined()
  })

  test('one of many racing writers creates', async () => {
    const root = await freshFolder()
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => fileStore(root).putIfAbsent('k/x', text(`writer ${i}`))),
    )
    expect(results.filter(r => r === 'created')).toHaveLength(1)
    expect(Buffer.from((await fileStore(root).get('k/x'))!).toString()).toBe(`writer ${results.indexOf('created')}`)
    expect(await readdir(join(root, '.tmp'))).toEqual([])
  })

  test.each([
    '',
    '/a',
    'a/',
    'a//b',
    '../a',
    'a/../b',
    'a/..',
    './a',
    'a/.hidden',
    '.tmp/x',
    'a\\b',
    'a\0b',
    'a b',
    'ä',
    'C:/../x/..',
    'x'.repeat(300),
  ])('refuses the key %j', async key => {
    const store = fileStore(await freshFolder())
    await expect(store.putIfAbsent(key, text(''))).rejects.toThrow(TypeError)
    await expect(store.get(key)).rejects.toThrow(TypeError)
    await expect(store.getRange(key, 0, 1)).rejects.toThrow(TypeError)
    await expect(store.size(key)).rejects.toThrow(TypeError)
    await expect(store.swapRef(`refs/${key}`, undefined, '')).rejects.toThrow(TypeError)
  })

  test('only keys under refs/ are swapped, and those cannot be put', async () => {
    const store = fileStore(await freshFolder())
    await expect(store.swapRef('a/b', undefined, 'v')).rejects.toThrow(TypeError)
    await expect(store.readRef('a/b')).rejects.toThrow(TypeError)
    await expect(store.putIfAbsent('refs/a', text('v'))).rejects.toThrow(TypeError)
    await expect(store.get('refs/a')).rejects.toThrow(TypeError)
  })

  test('a read can be aborted, and a failing folder is a StoreError', async () => {
    const root = await freshFolder()
    const store = fileStore(root)
    await store.putIfAbsent('a', text('x'))
    await expect(store.get('a', { signal: AbortSignal.abort() })).rejects.toThrow('abort')
    await expect(store.putIfAbsent('a/b', text('x'))).rejects.toMatchObject({ type: 'StoreError' })
    await writeFile(join(root, 'file'), '')
    await expect(fileStore(join(root, 'file')).putIfAbsent('x', text(''))).rejects.toMatchObject({ type: 'StoreError' })
  })

  test('temporary files of long-dead processes go at the next write, those of the living stay', async () => {
    const root = await freshFolder()
    await fileStore(root).putIfAbsent('a', text('x'))
    for (const name of ['dead', 'alive']) await writeFile(join(root, '.tmp', name), 'half')
    await utimes(join(root, '.tmp', 'dead'), 1, 1)
    await fileStore(root).putIfAbsent('b', text('x'))
    expect(await readdir(join(root, '.tmp'))).toEqual(['alive'])
  })
})

test('what is removed is gone with its empty folders, and can be put again by many at once', async () => {
  const root = await freshFolder()
  const store = fileStore(root)
  for (const key of ['a/b/c', 'a/b/d', 'a/e/f']) await store.putIfAbsent(key, text(key))
  await store.remove('a/b/c')
  await store.remove('a/b/c')
  await store.remove('a/b/none')
  await store.remove('a/b')
  expect(await collect(store.list(''))).toEqual(['a/b/d', 'a/e/f'])
  await store.remove('a/e/f')
  expect(await readdir(join(root, 'a'))).toEqual(['b'])
  await expect(store.remove('refs/a')).rejects.toThrow(TypeError)
  const work = Array.from({ length: 200 }, async (_, i) => {
    await store.putIfAbsent(`r/${i % 3}/${i}`, text('x'))
    await store.remove(`r/${i % 3}/${i}`)
  })
  await Promise.all(work)
  expect(await readdir(root)).toEqual(['.tmp', 'a'])
})

test('list gives every key with the prefix, once, in code-unit order', async () => {
  const segment = fc.constantFrom('a', 'b', 'a-b', 'ab', 'a.json', 'A', '0', 'refs', '~')
  const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map(s => s.join('/'))
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(key, { maxLength: 12 }),
      fc.constantFrom('', 'a', 'a/', 'a-', 'a/b', 'refs/', 'refs/a', 'zz'),
      async (keys, prefix) => {
        const store = fileStore(await freshFolder())
        const made: string[] = []
        for (const k of keys) {
          // A folder cannot also be an object; refs can be both.
          const clash = !k.startsWith('refs/') && made.some(m => m.startsWith(`${k}/`) || k.startsWith(`${m}/`))
          if (clash || k === 'refs') continue
          if (k.startsWith('refs/')) await store.swapRef(k, undefined, 'v')
          else await store.putIfAbsent(k, text('x'))
          made.push(k)
        }
        expect(await collect(store.list(prefix))).toEqual(made.filter(k => k.startsWith(prefix)).sort())
      },
    ),
    { numRuns: 60 },
  )
})

describe('refs', () => {
  test('behave as a register with compare-and-swap', async () => {
    const step = fc.record({ fresh: fc.boolean(), stale: fc.nat(3), value: fc.string() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        const store = fileStore(await freshFolder())
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
      { numRuns: 40 },
    )
  })

  test('a version that was never given out swaps nothing', async () => {
    const store = fileStore(await freshFolder())
    await store.swapRef('refs/d/c', undefined, 'one')
    for (const version of ['000000000005', '7', 'x', '../000000000001', ''])
      expect(await store.swapRef('refs/d/c', version, 'two')).toBe(false)
    expect((await store.readRef('refs/d/c'))?.value).toBe('one')
  })

  test('processes that count together lose no count, and one killed among them none that it was told', async () => {
    const root = await freshFolder()
    const writers = await Promise.all([20, 20, 20, 1_000_000].map(n => startWriter('count', root, String(n))))
    const victim = writers.pop()!
    await Promise.all(writers.map(w => w.done))
    victim.child.kill('SIGKILL')
    await victim.done
    const told = (w: { output: () => string }): number[] =>
      [...w.output().matchAll(/counted (\d+)\n/g)].map(m => Number(m[1]))
    const all = [...writers, victim].flatMap(told)
    const total = Number((await fileStore(root).readRef('refs/d/counter'))!.value)
    expect(writers.map(w => told(w).length)).toEqual([20, 20, 20])
    expect(new Set(all).size).toBe(all.length)
    // The victim may have died between its last swap and the telling of it.
    expect([all.length, all.length + 1]).toContain(total)
    expect(
      await fileStore(root).swapRef('refs/d/counter', (await fileStore(root).readRef('refs/d/counter'))!.version, 'on'),
    ).toBe(true)
  })
})

test('processes killed at random moments leave whole objects only, and others finish the work', async () => {
  const root = await freshFolder()
  const next = random(7)
  const store = fileStore(root)
  const counts: number[] = []
  for (let round = 0; round < 5; round++) {
    const writers = await Promise.all([0, 1].map(() => startWriter('objects', root, '60')))
    for (const w of writers) {
      await new Promise(r => setTimeout(r, next() * 60))
      w.child.kill('SIGKILL')
    }
    await Promise.all(writers.map(w => w.done))
    const keys = await collect(store.list('objects/'))
    counts.push(keys.length)
    for (const k of keys) expect(Buffer.compare((await store.get(k))!, bytesOf(Number(k.split('/')[1])))).toBe(0)
  }
  expect(counts.at(-1)).toBeGreaterThan(0)
  const last = await startWriter('objects', root, String(counts.at(-1)! + 2))
  await last.done
  expect(await collect(store.list('objects/'))).toHaveLength(counts.at(-1)! + 2)
})

test('openStore picks by scheme', async () => {
  const root = await freshFolder()
  expect(openStore(root).url).toBe(openStore(`file://${root}`).url)
  for (const url of ['gs://bucket/x', 's3://bucket'])
    expect(() => openStore(url)).toThrow(expect.objectContaining({ type: 'ConfigError' }))
})
