// When a channel named what: moves on record, each said once.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileStore } from '../../storage/file-store.ts'
import { channelMoves, recordChannelMove } from '../../storage/provenance/channel-moves.ts'

test('a move is said once, however often it is tried; also that a channel was unset', async () => {
  const store = fileStore(mkdtempSync(join(tmpdir(), 'hillock-moves-')))
  const by = { by: 'somebody', reason: 'a reason' }
  const named: [string | null, number][] = [
    [null, 1],
    ['a', 2],
    ['a', 3],
    ['b', 1000],
    ['a', 1001],
    ['a', 1002],
    [null, 99_999],
  ]
  for (const [release, at] of named) await recordChannelMove(store, 'd', 'published', { release, ...by }, at)
  await recordChannelMove(store, 'd', 'candidate', { release: 'c', ...by }, 5)
  expect((await channelMoves(store, 'd', 'published')).map(m => [m.at, m.release])).toEqual([
    [2, 'a'],
    [1000, 'b'],
    [1001, 'a'],
    [99_999, null],
  ])
})
