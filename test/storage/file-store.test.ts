// The folder as object store: the contract, and what only a folder has.
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileStore } from '../../storage/file-store.ts'
import { openStore } from '../../storage/open-store.ts'
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
