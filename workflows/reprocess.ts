// Reprocessing: the plan of a run file, and only if anything is to be made the run itself. Schedules start it.
import { executeChild, workflowInfo } from '@temporalio/workflow'
import { housekeeping } from './housekeeping.ts'
import { reconstruct } from './reconstruct.ts'
import { workflowIds, type Reprocessed, type ReprocessInput } from '../domain/contract.ts'

export async function reprocess({ dataset, config }: ReprocessInput): Promise<Reprocessed> {
  // The schedule has put its time of action at the end of the id.
  const run = workflowInfo()
    .workflowId.split('/')
    .at(-1)!
    .replaceAll(/[^A-Za-z0-9-]/g, '')
  const input = { dataset, run, config }
  const plan = await housekeeping.plan(input)
  if (plan.make + plan.may === 0) return { plan: plan.id, release: null, published: false }
  const { release, published } = await executeChild(reconstruct, {
    workflowId: workflowIds.reconstruct(dataset, run),
    args: [input],
    staticSummary: `reprocess ${dataset}: ${plan.make} to make, ${plan.may} may follow`,
    searchAttributes: { HillockDataset: [dataset] },
  })
  return { plan: plan.id, release, published }
}
