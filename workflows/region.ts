// The stages of one region within one phase.
import { Control } from './control.ts'
import { durable } from './steps.ts'
import { Tracker } from './tracker.ts'
import type { Place, Swept } from '../domain/contract.ts'
import { walkRegion } from '../domain/index/walk.ts'

export async function region(place: Place): Promise<Swept> {
  const tracker = new Tracker(place.phase)
  return walkRegion(place, durable(tracker, new Control(tracker, place.pauses)))
}
