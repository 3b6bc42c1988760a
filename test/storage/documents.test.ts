// Sealed documents that are not what they should be: told of by key, never waited for.
import { expect, test } from 'vitest'
import { activeHolds } from '../../storage/holds.ts'
import { listDataMarks } from '../../storage/marks.ts'
import { cacheNoteKey, readCacheNote } from '../../storage/index-cache.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { listMarks } from '../../storage/quarantine.ts'
import { putSealed, sealed } from '../../storage/sealed.ts'
import { readChannel } from '../../storage/releases.ts'
import { memoryStore } from './fixtures.ts'

const note = cacheNoteKey('0'.repeat(64))

test.each<[string, (objects: ObjectStore) => Promise<unknown>]>([
  ['marks/d/x.json', o => listDataMarks(o)],
  [`quarantine/render/${'0'.repeat(64)}.json`, o => listMarks(o)],
  ['holds/d/x.json', o => activeHolds(o, 'd')],
  [note, o => readCacheNote(o, note)],
])('%s of another shape is named as damaged', async (key, read) => {
  const objects = memoryStore()
  await putSealed(objects, key, { of: key, page: 5 })
  await expect(read(objects)).rejects.toMatchObject({ type: 'MissingArtifact', message: expect.stringContaining(key) })
})

test('a channel that names a release and nothing else is named as damaged', async () => {
  const readRef = () => Promise.resolve({ value: sealed({ release: 'x' }), version: '1' })
  await expect(readChannel({ ...memoryStore(), readRef }, 'd', 'published')).rejects.toThrow(
    /refs\/d\/published is no channel: earlier/,
  )
})
