// A release: evaluate, assemble, gate, publish.
import { housekeeping } from './housekeeping.ts'
import { runStage } from './stage.ts'
import type { Outcome, ReleaseInput, ReleaseResult } from '../domain/contract.ts'

/** The manifest stays in the bucket whatever the gate says; only the channel depends on it. */
export async function release(input: ReleaseInput): Promise<ReleaseResult> {
  const outcomes: Outcome[] = []
  let indexes = input.indexes
  if (input.context.through === 'evaluate') {
    const evaluated = await runStage('evaluate', 'release', { context: input.context, indexes })
    outcomes.push(evaluated)
    indexes = [...indexes, await housekeeping.saveIndex([{ stage: 'evaluate', cell: 'all', ref: evaluated.ref }])]
  }
  const cost = outcomes.reduce((sum, o) => sum + o.cost, input.cost)
  const made = await housekeeping.assemble({ ...input, indexes, cost })
  if (made.refusal === null)
    await housekeeping.publish({
      dataset: input.context.dataset,
      channel: made.channel,
      release: made.release,
      by: input.approver,
      reason: `run ${input.context.run}`,
    })
  return { ...made, published: made.refusal === null, outcomes }
}
