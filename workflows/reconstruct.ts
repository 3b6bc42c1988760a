// The whole dataset, phase by phase as the stage table orders them; then the release.
import { defineQuery, executeChild, setHandler, workflowInfo } from '@temporalio/workflow'
import { housekeeping } from './housekeeping.ts'
import { release } from './release.ts'
import { runStage } from './stage.ts'
import { sweep } from './sweep.ts'
import { countOf, Tracker } from './tracker.ts'
import {
  entryOf,
  queries,
  workflowIds,
  type Place,
  type Progress,
  type ReconstructInput,
  type RunContext,
  type RunResult,
} from '../domain/contract.ts'
import { activeStages, expected, isDatasetPhase, phasesOf } from '../domain/phases.ts'
import { stages } from '../domain/stages.ts'
import { regionGrid, sectionGrid, topSweep } from '../domain/sweep.ts'
import type { DatasetStage } from '../domain/tasks.ts'

export async function reconstruct(input: ReconstructInput): Promise<RunResult> {
  const tracker = new Tracker()
  setHandler(defineQuery<Progress>(queries.progress), () => tracker.progress())
  const context = await housekeeping.survey(input)
  const roots: Record<string, string> = {}
  for (const phase of phasesOf(context).filter(p => p !== 'release')) {
    tracker.phase = phase
    const names = activeStages(context).filter(s => stages[s].phase === phase)
    for (const s of names) tracker.expect(s, expected(context).get(s)!)
    roots[phase] = await (isDatasetPhase(phase) ? dataset : walk)(
      { context, phase, node: topOf(context, phase), roots: { ...roots } },
      tracker,
    )
  }
  tracker.phase = 'release'
  if (context.through === 'evaluate') tracker.expect('evaluate', 1)
  const done = await executeChild(release, {
    workflowId: workflowIds.release(context),
    args: [{ context, roots, cost: tracker.cost(), approver: 'gate of the run file', runId: workflowInfo().runId }],
    staticSummary: `release of run ${input.run}`,
    searchAttributes: { HillockDataset: [context.dataset] },
  })
  tracker.add(done.outcomes.map(countOf))
  tracker.release = done.release
  tracker.phase = 'done'
  const { outcomes: _, ...result } = done
  return { ...result, stages: tracker.stages(), cost: tracker.cost() }
}

const topOf = ({ bounds, region }: RunContext, phase: string): Place['node'] =>
  topSweep(['sections', 'matches'].includes(phase) ? sectionGrid(bounds) : regionGrid(bounds, region))

/** A phase that goes over all cells. */
async function walk(place: Place, tracker: Tracker): Promise<string> {
  const workflowId = workflowIds.sweep(place.context, place.phase, place.node)
  const work = executeChild(sweep, { workflowId, args: [place], staticSummary: `${place.phase}: everything` })
  const done = await tracker.follow(workflowId, work)
  tracker.add(done.counts)
  return done.page
}

/** A phase that takes the dataset as a whole. */
async function dataset(place: Place, tracker: Tracker): Promise<string> {
  const { context, phase, roots } = place
  const names = activeStages(context).filter(s => stages[s].phase === phase)
  const made = await Promise.all(names.map(s => runStage(s as DatasetStage, 'dataset', { context, roots })))
  tracker.add(made.map(countOf))
  const entries = made.map(entryOf)
  return housekeeping.savePage({ place, entries, below: [] })
}
