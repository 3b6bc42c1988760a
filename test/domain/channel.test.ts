// Channels against what histories tell: each field, moves that were taken back, and values of long ago that somebody puts back.
import { expect, test } from 'vitest'
import { channelDifferences, ChannelValue, withoutMove } from '../../domain/releases/channel.ts'
import { forgeries } from '../forgeries.ts'

const a: ChannelValue = { release: 'a', earlier: [], by: 'gate', reason: 'run a', via: 'release/d/a#1', before: null }
const b: ChannelValue = { release: 'b', earlier: ['a'], by: 'ada', reason: 'better', via: 'publish/d/p/b#2', before: a }
const { before: _, ...bare } = b
const c: ChannelValue = {
  release: 'c',
  earlier: ['b', 'a'],
  by: 'gate',
  reason: 'run c',
  via: 'release/d/c#3',
  before: { ...bare, before: { ...a } },
}
const heard = (moves: ChannelValue[], takenBack: string[] = []) => ({ moves, takenBack })
const fields = (found: ChannelValue, moves: ChannelValue[], takenBack?: string[]): string[] | undefined =>
  channelDifferences(found, heard(moves, takenBack))?.map(d => d.field)

test('each field that is forged is named', () => {
  expect(fields(c, [a, b, c])).toEqual([])
  for (const [field, value] of forgeries(ChannelValue, c))
    expect(
      fields(value as ChannelValue, [a, b, c])?.some(f => f.startsWith(field.split('.')[0]!)),
      field,
    ).toBe(true)
})

test('a value that others have replaced since does not count, unless they took their move back', () => {
  expect(fields(a, [a, b])).toContain('release')
  expect(fields(a, [a, b], ['publish/d/p/b#2'])).toEqual([])
  expect(fields(withoutMove(c, 'publish/d/p/b')!, [a, b, c], ['publish/d/p/b'])).toEqual([])
  expect(fields(withoutMove(c, 'publish/d/p/b')!, [a, b, c])).toContain('earlier.1')
})

test('nothing is said where no history tells of such a move', () => {
  expect(fields(a, [])).toBeUndefined()
})
