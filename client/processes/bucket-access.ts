// Whether a bucket can be worked with from here: it is listed, and an object written, read and removed.
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { HillockError } from '../../domain/errors.ts'
import { setting } from '../../domain/settings.ts'
import { folderOf, openStore } from '../../storage/stores/open-store.ts'

const ANSWER_MS = 6000

/** @throws HillockError that says what it does not let this process do, and what to do */
export async function tryBucket(url: string, what: 'read' | 'write' = 'write'): Promise<void> {
  const folder = folderOf(url)
  if (folder !== undefined && !existsSync(folder))
    throw new HillockError('StoreRefused', `there is no folder ${folder}: mount it, make it, or correct HILLOCK_BUCKET`)
  const store = openStore(url, { patienceMs: 0, mark: setting('HILLOCK_BUCKET_MARK') })
  const work = async (): Promise<void> => {
    for await (const _ of store.list('releases/')) break
    if (what === 'read') return
    const key = `doctor/${randomUUID()}`
    await store.putIfAbsent(key, Buffer.from(key))
    await store.get(key)
    await store.remove(key)
  }
  const late = sleep(ANSWER_MS, undefined, { ref: false }).then(() => {
    throw new HillockError(
      'StoreError',
      `${url} does not answer for ${ANSWER_MS / 1000} seconds: is it reached from here?`,
    )
  })
  await Promise.race([work(), late])
}
