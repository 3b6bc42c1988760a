// Reprocessing: the plan of a run file, and the run itself if anything would come of it. Schedules start it.
import { executeChild, workflowInfo } from '@temporalio/workflow'
import { reconstruct } from './reconstruct.ts'
import { planned } from './survey.ts'
import { priorities, workflowIds } from '../domain/contract/names.ts'
import type { Reprocessed, ReprocessInput } from '../domain/contract/run.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'

export async function reprocess({ dataset, config }: ReprocessInput): Promise<Reprocessed> {
  // The schedule has put its time of action at the end of the id.
  const run = workflowInfo()
    .workflowId.split('/')
    .at(-1)!
    .replaceAll(/[^A-Za-z0-9-]/g, '')
  const input = { dataset, run, config }
  const plan = await planned(input)
  // With nothing to make, what the run file gives is there: it is published unless it is already, or somebody has taken it back.
  if (plan.make + plan.may === 0 && plan.idle !== null)
    return { plan: plan.id, release: null, published: false, why: plan.idle }
  const { release, published } = await executeChild(reconstruct, {
    workflowId: workflowIds.reconstruct(dataset, run),
    args: [input],
    staticSummary: `reprocess ${dataset}: ${plan.make} to make, ${plan.may} may follow`,
    priority: {
      fairnessKey: dataset,
      priorityKey: priorities.scheduled,
      ...(config.share !== undefined && { fairnessWeight: config.share }),
    },
    typedSearchAttributes: attributesOf({ dataset }),
  })
  return { plan: plan.id, release, published, why: null }
}
