// One phase over up to 64 cells, or over sweeps of them.
import { setHandler } from '@temporalio/workflow'
import { Control, Meter } from './control.ts'
import { durable } from './steps.ts'
import { Tracker } from './tracker.ts'
import type { Place, Swept } from '../domain/contract.ts'
import * as messages from '../domain/messages.ts'
import { walkSweep } from '../domain/index/walk.ts'

export async function sweep(place: Place): Promise<Swept> {
  const tracker = new Tracker(place.phase)
  setHandler(messages.progress, () => tracker.progress())
  return walkSweep(place, durable(tracker, new Control(tracker, place.pauses), new Meter(place)))
}
