// The steps of a run, taken durably: activities with the policies of the stage table, children with readable ids.
import { startChild } from '@temporalio/workflow'
import type { Control, Meter } from './control.ts'
import { housekeeping } from './housekeeping.ts'
import type { region } from './region.ts'
import type { sections } from './sections.ts'
import { runStage } from './stage.ts'
import type { sweep } from './sweep.ts'
import type { Tracker } from './tracker.ts'
import { workflowIds, type Outcome, type Place, type Swept } from '../domain/contract.ts'
import { key } from '../domain/geometry.ts'
import { activeStages } from '../domain/index/phases.ts'
import { stages } from '../domain/stages.ts'
import { batchRange } from '../domain/index/sweep.ts'
import type { CellTask } from '../domain/index/tasks.ts'
import { nodeKey } from '../domain/index/tree.ts'
import { countOf } from '../domain/slo/counts.ts'
import type { PlaceKind, Steps } from '../domain/index/walk.ts'

/** `meter` hears of what is made here, not of what sweeps below tell themselves. */
export const durable = (tracker: Tracker, control: Control, meter?: Meter): Steps => ({
  probe: housekeeping.probe,
  savePage: housekeeping.savePage,
  async make(stage, what, task) {
    await control.clear(stage, (task as Partial<CellTask>).level === 0 ? (task as CellTask).cell : null)
    const made: Outcome = await runStage(stage, what, task as never)
    await meter?.add([countOf(made)])
    return made
  },
  async makeBatch(stage, what, task) {
    await control.clear(stage, null)
    return runStage(stage, what, task)
  },
  async visit(kind, place) {
    await control.clear(null, kind === 'region' ? key(place.node.coord) : null)
    const done = await visit(kind, control.pauses.length ? { ...place, pauses: control.pauses } : place, control)
    if (kind !== 'sweep') await meter?.add(done.counts)
    return done
  },
  count: counts => tracker.add(counts),
})

function visit(kind: PlaceKind, place: Place, control: Control): Promise<Swept> {
  const { context, phase, node } = place
  const names = activeStages(context).filter(s => stages[s].phase === phase)
  const searchAttributes = { HillockDataset: [context.dataset], HillockStage: names }
  if (kind === 'sweep') {
    const workflowId = workflowIds.sweep(context, phase, node)
    const staticSummary = `${phase}: node ${nodeKey(node)}`
    return control.follow(workflowId, () =>
      startChild<typeof sweep>('sweep', { workflowId, args: [place], staticSummary }),
    )
  }
  if (kind === 'sections') {
    const { first, last } = batchRange(node.coord, context.bounds)
    const workflowId = workflowIds.sections(context, phase, first)
    const staticSummary = `sections ${first} to ${last}: ${names.join(', ')}`
    return control.follow(workflowId, () =>
      startChild<typeof sections>('sections', { workflowId, args: [place], staticSummary, searchAttributes }),
    )
  }
  if (kind === 'range') {
    const workflowId = workflowIds.range(context, phase, node.coord[2])
    const staticSummary = `segments, range ${node.coord[2]}: ${names.join(', ')}`
    return control.follow(workflowId, () =>
      startChild<typeof region>('region', { workflowId, args: [place], staticSummary, searchAttributes }),
    )
  }
  const cell = key(node.coord)
  const workflowId = workflowIds.region(context, phase, cell)
  return control.follow(workflowId, () =>
    startChild<typeof region>('region', {
      workflowId,
      args: [place],
      staticSummary: `region ${cell}: ${names.join(', ')}`,
      searchAttributes: { ...searchAttributes, HillockRegion: [cell] },
    }),
  )
}
