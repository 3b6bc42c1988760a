// The whole dataset, phase by phase as the stage table orders them; then the release.
import { defineQuery, executeChild, setHandler, workflowInfo } from '@temporalio/workflow'
import { housekeeping } from './housekeeping.ts'
import { release } from './release.ts'
import { durable } from './steps.ts'
import { Tracker } from './tracker.ts'
import { queries, workflowIds, type Progress, type ReconstructInput, type RunResult } from '../domain/contract.ts'
import { expected } from '../domain/phases.ts'
import { countOf, walkRun } from '../domain/walk.ts'

export async function reconstruct(input: ReconstructInput): Promise<RunResult> {
  const tracker = new Tracker('survey')
  setHandler(defineQuery<Progress>(queries.progress), () => tracker.progress())
  const context = await housekeeping.survey(input)
  const totals = expected(context)
  const roots = await walkRun(context, durable(tracker), (phase, names) => {
    tracker.phase = phase
    for (const s of names) tracker.expect(s, totals.get(s)!)
  })
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
