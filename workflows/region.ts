// The stages of one region within one phase: those that read each other in order, the others side by side.
import { housekeeping } from './housekeeping.ts'
import { runStage } from './stage.ts'
import { countOf } from './tracker.ts'
import { entryOf, type Outcome, type Place, type Swept } from '../domain/contract.ts'
import { key } from '../domain/geometry.ts'
import { activeStages } from '../domain/phases.ts'
import { parseInput } from '../domain/reads.ts'
import { stages } from '../domain/stages.ts'
import type { CellStage } from '../domain/tasks.ts'

export async function region(place: Place): Promise<Swept> {
  const { context, phase, roots } = place
  const cell = key(place.node.coord)
  const started = new Map<string, Promise<Outcome>>()
  for (const stage of activeStages(context).filter(s => stages[s].phase === phase)) {
    const before = stages[stage].inputs.flatMap(i => started.get(parseInput(i).stage) ?? [])
    started.set(
      stage,
      Promise.all(before).then(own => {
        const refs = Object.fromEntries(own.map(o => [o.stage, { [cell]: o.ref }]))
        return runStage(stage as CellStage, cell, { context, level: 0, cell, roots, refs })
      }),
    )
  }
  const outcomes = await Promise.all(started.values())
  const entries = outcomes.map(entryOf)
  const page = await housekeeping.savePage({ place, entries, below: [] })
  return { page, counts: outcomes.map(countOf), top: {} }
}
