// Publishing an existing release to a channel by hand.
import { housekeeping } from './housekeeping.ts'
import { viaOf } from './via.ts'
import type { ChannelMove, ChannelValue } from '../domain/contract.ts'

export async function publish(move: Omit<ChannelMove, 'via'>): Promise<ChannelValue> {
  return housekeeping.publish({ ...move, via: viaOf() })
}
