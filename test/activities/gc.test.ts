// Garbage collection in a bucket whose releases are signed: signatures lie beside the manifests and are none.
import { asyncLocalStorage, type Context } from '@temporalio/activity'
import { expect, test } from 'vitest'
import { planCollection } from '../../activities/housekeeping/gc.ts'
import type { Deps } from '../../activities/context.ts'
import { putRaw } from '../../storage/raw.ts'
import { memoryStore } from '../storage/fixtures.ts'

test('a signature is no release', async () => {
  const objects = memoryStore()
  await objects.putIfAbsent('releases/blobs/r1.0123456789abcdef.dsse.json', Buffer.from('{"payload":""}'))
  await putRaw(objects, Buffer.from('named by nothing'))
  const list = async function* () {}
  const context = { client: { workflow: { list }, schedule: { list } } } as unknown as Context
  const found = await asyncLocalStorage.run(context, () => planCollection({ objects } as Deps))
  expect(found).toMatchObject({ artifacts: 0, raw: 1, memo: 0, damaged: null })
})
