// The stages of one region, or of one range of segments, within one phase.
import { Control } from './control.ts'
import { durable } from './steps.ts'
import { Tracker } from './tracker.ts'
import type { Place, Swept } from '../domain/contract.ts'
import { kindOf, walkPlace } from '../domain/index/walk.ts'

export async function region(place: Place): Promise<Swept> {
  const tracker = new Tracker(place.phase)
  return walkPlace(kindOf(place.phase), place, durable(tracker, new Control(tracker, place.pauses)))
}
