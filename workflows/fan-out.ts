// The fan-out of a phase: a workflow over many cells starts those over fewer, down to 64 regions, batches of sections or ranges; a small phase is the run's own work.
import { getExternalWorkflowHandle, setHandler, startChild } from '@temporalio/workflow'
import { Control, Meter } from './control.ts'
import { housekeeping } from './housekeeping/activities.ts'
import { orHole, runStage } from './stage.ts'
import { Tracker } from './tracker.ts'
import { workflowIds } from '../domain/contract/names.ts'
import type { Outcome } from '../domain/contract/artifacts.ts'
import type { Subtree, SubtreeResult } from '../domain/contract/subtree.ts'
import type { CellTask } from '../domain/contract/activities.ts'
import { nodeKey } from '../domain/index/tree.ts'
import { isSmall, runFanOut, stagesOf, type Steps } from '../domain/index/order.ts'
import * as messages from '../domain/contract/messages.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'
import { countOf } from '../domain/slo/counts.ts'

/** One phase over up to 64 cells, which are its own work, or over fan-outs of them. */
export async function fanOut(subtree: Subtree): Promise<SubtreeResult> {
  const tracker = new Tracker(subtree.phase)
  setHandler(messages.progress, () => tracker.progress())
  const { context, pauses, reportEvery } = subtree
  const run = getExternalWorkflowHandle(workflowIds.reconstruct(context.dataset, context.run))
  const meter = new Meter(reportEvery, spent => run.signal(messages.spent, spent))
  return runFanOut(subtree, durable(tracker, new Control(tracker, pauses), meter))
}

/** The steps of `domain/index/order.ts` taken durably: activities and child workflows, held back while an operator wants it, and counted. */
export function durable(tracker: Tracker, control: Control, meter: Meter): Steps {
  const steps: Steps = {
    async lookUpCache(subtree) {
      const lookup = await housekeeping.lookUpCache(subtree)
      tracker.add([lookup.found, ...lookup.below].flatMap(found => found?.counts ?? []))
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
      tracker.add([countOf(made)])
      return made
    },
    async makeBatch(stage, what, task) {
      await control.clear(stage, null)
      const made = await runStage(stage, what, task)
      tracker.add(made.counts)
      return made
    },
    spent: counts => meter.add(counts),
    async visit(subtree) {
      const { context, phase, node } = subtree
      await control.clear(null, null)
      if (isSmall(subtree)) return runFanOut(subtree, steps)
      const workflowId = workflowIds.fanOut(context, phase, node)
      const args: [Subtree] = [
        {
          ...subtree,
          ...(meter.every !== undefined && { reportEvery: meter.every }),
          ...(control.pauses.length > 0 && { pauses: control.pauses }),
        },
      ]
      const done = await control.follow(workflowId, () =>
        startChild(fanOut, {
          workflowId,
          args,
          staticSummary: `${phase}: node ${nodeKey(node)}`,
          typedSearchAttributes: attributesOf({ dataset: context.dataset, stages: stagesOf(subtree) }),
        }),
      )
      tracker.add(done.counts)
      return done
    },
  }
  return steps
}
