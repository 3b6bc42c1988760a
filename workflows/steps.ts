// The steps of a run, taken durably: activities with the policies of the stage table, children with readable ids.
import { executeChild } from '@temporalio/workflow'
import { housekeeping } from './housekeeping.ts'
import type { region } from './region.ts'
import type { sections } from './sections.ts'
import { runStage } from './stage.ts'
import type { sweep } from './sweep.ts'
import type { Tracker } from './tracker.ts'
import { workflowIds, type Place, type Swept } from '../domain/contract.ts'
import { key } from '../domain/geometry.ts'
import { activeStages } from '../domain/phases.ts'
import { stages } from '../domain/stages.ts'
import { batchRange } from '../domain/sweep.ts'
import { nodeKey } from '../domain/tree.ts'
import type { PlaceKind, Steps } from '../domain/walk.ts'

export const durable = (tracker: Tracker): Steps => ({
  probe: housekeeping.probe,
  savePage: housekeeping.savePage,
  make: (stage, what, task) => runStage(stage, what, task as never),
  makeBatch: runStage,
  visit: (kind, place) => visit(kind, place, tracker),
  count: counts => tracker.add(counts),
})

function visit(kind: PlaceKind, place: Place, tracker: Tracker): Promise<Swept> {
  const { context, phase, node } = place
  const names = activeStages(context).filter(s => stages[s].phase === phase)
  const searchAttributes = { HillockDataset: [context.dataset], HillockStage: names }
  if (kind === 'sweep') {
    const workflowId = workflowIds.sweep(context, phase, node)
    const child = executeChild<typeof sweep>('sweep', {
      workflowId,
      args: [place],
      staticSummary: `${phase}: node ${nodeKey(node)}`,
    })
    return tracker.follow(workflowId, child)
  }
  if (kind === 'sections') {
    const { first, last } = batchRange(node.coord, context.bounds)
    return executeChild<typeof sections>('sections', {
      workflowId: workflowIds.sections(context, phase, first),
      args: [place],
      staticSummary: `sections ${first} to ${last}: ${names.join(', ')}`,
      searchAttributes,
    })
  }
  const cell = key(node.coord)
  return executeChild<typeof region>('region', {
    workflowId: workflowIds.region(context, phase, cell),
    args: [place],
    staticSummary: `region ${cell}: ${names.join(', ')}`,
    searchAttributes: { ...searchAttributes, HillockRegion: [cell] },
  })
}
