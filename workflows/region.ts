// The stages of one region within one phase.
import { durable } from './steps.ts'
import { Tracker } from './tracker.ts'
import type { Place, Swept } from '../domain/contract.ts'
import { walkRegion } from '../domain/walk.ts'

export const region = (place: Place): Promise<Swept> => walkRegion(place, durable(new Tracker(place.phase)))
