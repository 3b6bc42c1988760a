// Making folders: on the way down, again, and where none can be.
import { statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolders } from '../../storage/files/system.ts'
import { freshFolder } from './fixtures.ts'

test('what is missing on the way is made, what is there stays', async () => {
  const folder = join(await freshFolder(), 'a b', 'c')
  makeFolders(folder)
  makeFolders(folder)
  expect(statSync(folder).isDirectory()).toBe(true)
})

test('below a file, and where the system makes none, that is said', async () => {
  const file = join(await freshFolder(), 'file')
  await writeFile(file, '')
  for (const path of [file, join(file, 'x'), join(file, 'x/y'), '/proc/nothing/x'])
    expect(() => makeFolders(path), path).toThrow(/EEXIST|ENOTDIR|ENOENT/)
})
