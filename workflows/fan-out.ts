// The fan-out of a phase: a workflow over many cells starts those over fewer, down to one for each region or batch of sections.
import { setHandler, startChild } from '@temporalio/workflow'
import { Control, Meter } from './control.ts'
import { housekeeping } from './housekeeping/activities.ts'
import { orHole, runStage } from './stage.ts'
import { Tracker } from './tracker.ts'
import { workflowIds } from '../domain/contract/names.ts'
import type { Outcome } from '../domain/contract/artifacts.ts'
import type { Subtree, SubtreeResult } from '../domain/contract/subtree.ts'
import type { StageCount } from '../domain/contract/run.ts'
import { key } from '../domain/geometry.ts'
import { batchRange } from '../domain/index/grid.ts'
import type { CellTask } from '../domain/contract/activities.ts'
import { nodeKey } from '../domain/index/tree.ts'
import { kindOf, stagesOf, visitSubtree, type SubtreeKind, type Steps } from '../domain/index/order.ts'
import * as messages from '../domain/contract/messages.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'
import { countOf } from '../domain/slo/counts.ts'

/** One subtree of a phase; as a workflow it is called what it is. */
async function below(subtree: Subtree): Promise<SubtreeResult> {
  const tracker = new Tracker(subtree.phase)
  setHandler(messages.progress, () => tracker.progress())
  const meter = kindOf(subtree) === 'fanOut' ? new Meter(subtree) : undefined
  return visitSubtree(subtree, durable(tracker, new Control(tracker, subtree.pauses), meter))
}
export { below as region, below as sections, below as fanOut }

/** The steps of `domain/index/walk.ts` taken durably: activities and child workflows, held back while an operator wants it, and counted. */
export function durable(tracker: Tracker, control: Control, meter?: Meter): Steps {
  const count = async (counts: readonly StageCount[], told = false): Promise<void> => {
    tracker.add(counts)
    if (!told) await meter?.add(counts)
  }
  return {
    async lookUpCache(subtree) {
      const lookup = await housekeeping.lookUpCache(subtree)
      tracker.add(lookup.below.flatMap(found => found?.counts ?? []))
      return lookup
    },
    saveIndexNode: task => housekeeping.saveIndexNode(task),
    async make(stage, what, task) {
      await control.clear(stage, (task as Partial<CellTask>).level === 0 ? (task as CellTask).cell : null)
      let made: Outcome
      try {
        made = await runStage(stage, what, task as never)
      } catch (e) {
        made = await orHole(e, stage, what, task as Partial<CellTask>)
      }
      await count([countOf(made)])
      return made
    },
    async makeBatch(stage, what, task) {
      await control.clear(stage, null)
      const made = await runStage(stage, what, task)
      tracker.add(made.counts)
      return made
    },
    async visit(subtree) {
      const kind = kindOf(subtree)
      await control.clear(null, kind === 'region' ? key(subtree.node.coord) : null)
      const { workflowId, ...options } = childOf(kind, subtree)
      const args: [Subtree] = [control.pauses.length ? { ...subtree, pauses: control.pauses } : subtree]
      const done = await control.follow(workflowId, () =>
        startChild<typeof below>(kind === 'range' ? 'region' : kind, { ...options, workflowId, args }),
      )
      // A fan-out tells the run itself.
      await count(done.counts, kind === 'fanOut')
      return done
    },
  }
}

/** Id, summary and search attributes of a child. */
function childOf(kind: SubtreeKind, { context, phase, node }: Subtree) {
  const { dataset, bounds } = context
  const stages = stagesOf({ context, phase })
  if (kind === 'fanOut')
    return {
      workflowId: workflowIds.fanOut(context, phase, node),
      staticSummary: `${phase}: node ${nodeKey(node)}`,
      typedSearchAttributes: attributesOf({ dataset, stages }),
    }
  if (kind === 'sections') {
    const { first, last } = batchRange(node.coord, bounds)
    return {
      workflowId: workflowIds.sections(context, phase, first),
      staticSummary: `sections ${first} to ${last}: ${stages.join(', ')}`,
      typedSearchAttributes: attributesOf({ dataset, stages }),
    }
  }
  if (kind === 'range') {
    const range = node.coord[2]
    return {
      workflowId: workflowIds.range(context, phase, range),
      staticSummary: `segments, range ${range}: ${stages.join(', ')}`,
      typedSearchAttributes: attributesOf({ dataset, stages }),
    }
  }
  const region = key(node.coord)
  return {
    workflowId: workflowIds.region(context, phase, region),
    staticSummary: `region ${region}: ${stages.join(', ')}`,
    typedSearchAttributes: attributesOf({ dataset, stages, region }),
  }
}
