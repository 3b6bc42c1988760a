// The folder as object store: the contract, and what only a folder has.
import fs, { mkdir, readdir, rename, utimes, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileStore, markFolder } from '../../storage/file-store.ts'
import { transientOf } from '../../storage/stores/gcs-errors.ts'
import { openStore } from '../../storage/stores/open-store.ts'
import { freshFolder } from './fixtures.ts'
import { collect, objectStoreContract, read, text } from './object-store-contract.ts'

objectStoreContract(
  'a folder',
  async () => {
    const root = await freshFolder()
    return { open: () => fileStore(root), url: root }
  },
  { runs: 40, counts: 20 },
)

test('racing writers leave no temporary files', async () => {
  const root = await freshFolder()
  await Promise.all(Array.from({ length: 20 }, (_, i) => fileStore(root).putIfAbsent('k/x', text(`writer ${i}`))))
  expect(await read(fileStore(root), 'k/x')).toMatch(/^writer \d+$/)
  expect(await readdir(join(root, '.tmp'))).toEqual([])
})

test.each(['a/..', '.tmp/x', 'a\0b', 'C:/../x/..'])('a key cannot leave the folder: %j', async key => {
  const store = fileStore(await freshFolder())
  await expect(store.putIfAbsent(key, text(''))).rejects.toThrow(TypeError)
  await expect(store.get(key)).rejects.toThrow(TypeError)
})

test('a failing folder is a StoreError', async () => {
  const root = await freshFolder()
  const store = fileStore(root)
  await store.putIfAbsent('a', text('x'))
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

test('openStore picks by scheme', async () => {
  const root = await freshFolder()
  expect(openStore(root).url).toBe(openStore(`file://${root}`).url)
  expect(openStore('gs://bucket').url).toBe('gs://bucket/')
  expect(openStore('gs://bucket/some/folder').url).toBe('gs://bucket/some/folder/')
  for (const url of ['s3://bucket', 'gs://', 'gs://B_/x'])
    expect(() => openStore(url)).toThrow(expect.objectContaining({ type: 'ConfigError' }))
})

const thrown = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (e: unknown) => e,
  )

test.each([undefined, 'marked'])(
  'a folder that is away is an outage, and is never made again: mark %s',
  async known => {
    const root = join(await freshFolder(), 'bucket')
    const mark = known && (await markFolder(root, known))
    const store = fileStore(root, mark)
    await store.putIfAbsent('a/b', text('x'))
    await store.swapRef('refs/r', undefined, 'v')
    await rename(root, `${root}.away`)
    const asked = [
      store.get('a/b'),
      store.get('a/none'),
      store.getRange('a/b', 0, 1),
      store.size('a/b'),
      store.putIfAbsent('a/c', text('y')),
      store.readRef('refs/r'),
      store.swapRef('refs/s', undefined, 'v'),
      store.remove('a/b'),
      collect(store.list('')),
    ].map(thrown)
    for (const e of await Promise.all(asked)) expect(transientOf(e)).toBe('unavailable')
    expect(await readdir(join(root, '..'))).toEqual(['bucket.away'])
    // As at a mount point that has lost its disk.
    await mkdir(root)
    if (mark)
      for (const key of ['a/b', 'a/none']) expect(transientOf(await thrown(store.size(key)))).toBe('unavailable')
    await fs.rmdir(root)
    await rename(`${root}.away`, root)
    expect(await read(store, 'a/b')).toBe('x')
    expect(await store.get('a/c')).toBeUndefined()
    await store.putIfAbsent('a/c', text('y'))
  },
)

test('a folder is waited for until it is back', async () => {
  const root = join(await freshFolder(), 'bucket')
  const store = openStore(root, { mark: await markFolder(root, 'm') })
  await store.putIfAbsent('a', text('x'))
  // It comes back at another moment of the look each time.
  for (let round = 0; round < 20; round++) {
    await rename(root, `${root}.away`)
    const asked = [read(store, 'a'), store.putIfAbsent(`b${round}`, text('y')), store.size('a')]
    for (let i = 0; i < round % 10; i++) await fs.access(`${root}.away`)
    await rename(`${root}.away`, root)
    expect(await Promise.all(asked)).toEqual(['x', 'created', 1])
  }
})

test('a bucket has one mark, whoever comes first, and what is in it stays', async () => {
  const root = await freshFolder()
  await fileStore(root).putIfAbsent('a', text('x'))
  const marks = await Promise.all(['one', 'two', 'three'].map(m => markFolder(root, m)))
  expect(new Set(marks).size).toBe(1)
  expect(await collect(fileStore(root, marks[0]).list(''))).toEqual(['a'])
  expect(transientOf(await thrown(fileStore(root, 'another').get('none')))).toBe('unavailable')
})

test.each([
  ['link', 'EPERM', 'StoreRefused', /hard links/],
  ['link', 'EXDEV', 'StoreRefused', /hard links/],
  ['open', 'EROFS', 'StoreRefused', /how it is mounted/],
  ['open', 'ENOSPC', 'StoreError', /ENOSPC/],
] as const)('%s fails with %s: %s', async (call, code, type, words) => {
  const root = await freshFolder()
  const real = fs[call]
  Object.assign(fs, { [call]: () => Promise.reject(Object.assign(new Error(`${code}: said the system`), { code })) })
  syncBuiltinESMExports()
  try {
    const e = (await thrown(fileStore(root).putIfAbsent('a', text('x')))) as Error
    expect(e).toMatchObject({ type, message: expect.stringMatching(words) as unknown })
    expect(transientOf(e)).toBe(type === 'StoreError' ? 'unavailable' : undefined)
  } finally {
    Object.assign(fs, { [call]: real })
    syncBuiltinESMExports()
  }
})
