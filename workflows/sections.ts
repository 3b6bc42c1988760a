// The stages of one batch of sections within one phase.
import { durable } from './steps.ts'
import { Tracker } from './tracker.ts'
import type { Place, Swept } from '../domain/contract.ts'
import { walkSections } from '../domain/walk.ts'

export const sections = (place: Place): Promise<Swept> => walkSections(place, durable(new Tracker(place.phase)))
