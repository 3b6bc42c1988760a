// Publishing an existing release to a channel by hand.
import { archived } from './archive.ts'
import { housekeeping } from './activities.ts'
import { viaOf } from '../via.ts'
import type { ChannelValue } from '../../domain/releases/channel.ts'
import type { ChannelMove } from '../../domain/contract/release.ts'

export async function publish(move: Omit<ChannelMove, 'via'>): Promise<ChannelValue> {
  return archived(() => housekeeping.publish({ ...move, via: viaOf() }))
}
