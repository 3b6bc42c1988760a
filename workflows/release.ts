// A release: evaluate, assemble, gate, publish.
import { housekeeping } from './housekeeping.ts'
import { runStage } from './stage.ts'
import { entryOf, type Outcome, type ReleaseInput, type ReleaseResult } from '../domain/contract.ts'
import { wholePhase } from '../domain/walk.ts'

/** The manifest stays in the bucket whatever the gate says; only the channel depends on it. */
export async function release(input: ReleaseInput): Promise<ReleaseResult> {
  const { context } = input
  const outcomes: Outcome[] = []
  let roots = input.roots
  if (context.through === 'evaluate') {
    const evaluated = await runStage('evaluate', 'release', { context, roots })
    outcomes.push(evaluated)
    const place = wholePhase(context, 'release', roots)
    const entries = [entryOf(evaluated)]
    roots = { ...roots, release: await housekeeping.savePage({ place, entries, below: [] }) }
  }
  const cost = outcomes.reduce((sum, o) => sum + o.cost, input.cost)
  const made = await housekeeping.assemble({ ...input, roots, cost })
  if (made.refusal === null)
    await housekeeping.publish({
      dataset: context.dataset,
      channel: made.channel,
      release: made.release,
      by: input.approver,
      reason: `run ${context.run}`,
    })
  return { ...made, published: made.refusal === null, outcomes }
}
