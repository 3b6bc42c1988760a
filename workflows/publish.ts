// Publishing an existing release to a channel by hand.
import { housekeeping } from './housekeeping.ts'
import type { ChannelMove, ChannelValue } from '../domain/contract.ts'

export async function publish(move: ChannelMove): Promise<ChannelValue> {
  return housekeeping.publish(move)
}
