// Rollback of a bad release as a saga: readers first, then hold, diagnosis, quarantine, patch of the bad regions, and the holds released.
import { ApplicationFailure, executeChild, workflowInfo } from '@temporalio/workflow'
import { archived } from './housekeeping/archive.ts'
import { housekeeping, named } from './housekeeping/activities.ts'
import { reconstruct } from './reconstruct.ts'
import { saga, type Saga } from './saga.ts'
import { viaOf } from './via.ts'
import type { RunConfig } from '../domain/config.ts'
import { workflowIds } from '../domain/contract/names.ts'
import type { RollbackInput, RollbackResult } from '../domain/contract/rollback.ts'
import { rollbackSteps as steps } from '../domain/releases/rollback-steps.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'

/**
 * Without regions the channel goes back, and that is all. With regions the whole drill: the channel ends on a patch release.
 * Undone when a step fails or the workflow is cancelled, but for the channel of a drill that failed: no failure of ours puts a release
 * that somebody has called bad before readers again. Cancelling takes that back too.
 */
export async function rollback(input: RollbackInput): Promise<RollbackResult> {
  const { dataset, channel } = input
  const via = viaOf()
  return archived(() =>
    saga(async s => {
      const first = steps.back.name
      const value = await s.step({
        name: first,
        run: () => housekeeping.rollBack({ ...input, via }),
        compensate: async ending => {
          if (ending.cancelled || ending.step === first) await named('takeBack', channel, { dataset, channel, via })
        },
      })
      if (!input.regions?.length) return { release: value.release, patch: null, tainted: 0 }
      return drill(s, input, value)
    }),
  )
}

async function drill(s: Saga, input: RollbackInput, value: { readonly release: string }): Promise<RollbackResult> {
  const { dataset, channel, from, by, reason } = input
  const good = input.to ?? value.release
  if (good === from)
    throw ApplicationFailure.nonRetryable(`${from} is what ${dataset}/${input.channel} still names`, 'ConfigError')
  const id = `rollback-${from}-${workflowInfo().originalExecutionRunId.slice(0, 8)}`
  const held = { dataset, id, by, reason }
  await s.step({
    name: steps.hold.name,
    run: () => housekeeping.hold(held),
    compensate: () => housekeeping.releaseHold(held),
  })
  const diagnosis = await s.step({ name: steps.diagnosis.name, run: () => housekeeping.diagnose(input, good) })
  const list = { list: diagnosis.list, kind: 'bad' as const, run: id, by, reason }
  await s.step({
    name: steps.quarantine.name,
    run: () => housekeeping.quarantine(list),
    compensate: () => housekeeping.liftQuarantine(list),
  })
  const patch = await s.step({
    name: steps.patch.name,
    run: () => patchRelease(input, id, diagnosis.config),
    // A patch that failed has taken its own steps back; this is for one that ended without being able to.
    compensate: async () => {
      for (const c of new Set([channel, 'candidate'] as const))
        await named('takeBack', `${c} of ${id}`, {
          dataset,
          channel: c,
          via: workflowIds.release({ dataset, run: id }),
        })
    },
  })
  await s.insist(steps.release.name, () => housekeeping.releaseHold(held))
  return { release: patch, patch, tainted: diagnosis.count }
}

/** Makes the bad regions again, and what depends on them; evaluated, approved and published by the release saga of that run. */
async function patchRelease({ dataset, from, by }: RollbackInput, id: string, config: RunConfig): Promise<string> {
  const made = await executeChild(reconstruct, {
    workflowId: workflowIds.reconstruct(dataset, id),
    args: [{ dataset, run: id, config, patch: { parent: from, rollback: workflowInfo().workflowId } }],
    staticSummary: `patch of ${from} for ${by}`,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    typedSearchAttributes: attributesOf({ dataset }),
  })
  if (made.refusal !== null) throw ApplicationFailure.nonRetryable(made.refusal, 'GateRejected')
  return made.release
}
