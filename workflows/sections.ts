// The stages of one batch of sections within one phase.
import { Control } from './control.ts'
import { durable } from './steps.ts'
import { Tracker } from './tracker.ts'
import type { Place, Swept } from '../domain/contract.ts'
import { walkSections } from '../domain/index/walk.ts'

export async function sections(place: Place): Promise<Swept> {
  const tracker = new Tracker(place.phase)
  return walkSections(place, durable(tracker, new Control(tracker, place.pauses)))
}
