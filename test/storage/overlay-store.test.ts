// The overlay: what lies below is seen unless hidden, and is never touched.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { fileStore } from '../../storage/file-store.ts'
import { overlayStore } from '../../storage/stores/overlay-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-overlay-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('reads fall through except for hidden keys; writes stay above', async () => {
  const [lower, upper] = [fileStore(join(folder, 'lower')), fileStore(join(folder, 'upper'))]
  const both = overlayStore(lower, upper, k => k.startsWith('a/1/'))
  const bytes = (text: string): Uint8Array => Buffer.from(text)
  const text = async (key: string): Promise<string | undefined> => {
    const found = await both.get(key)
    expect(await both.size(key)).toBe(found?.length)
    expect((await both.getRange(key, 0, 2))?.length).toBe(found && Math.min(2, found.length))
    return found && Buffer.from(found).toString()
  }
  await lower.putIfAbsent('a/1/x', bytes('old'))
  await lower.putIfAbsent('a/10/x', bytes('kept'))
  expect(await text('a/1/x')).toBeUndefined()
  expect(await text('a/10/x')).toBe('kept')
  expect(await both.putIfAbsent('a/1/x', bytes('newer'))).toBe('created')
  expect(await text('a/1/x')).toBe('newer')
  expect(Buffer.from((await lower.get('a/1/x'))!).toString()).toBe('old')
  await expect(both.swapRef('refs/a/b', undefined, 'c')).rejects.toThrow('scratch')
  expect(await lower.readRef('refs/a/b')).toBeUndefined()
})
