// A release as a saga: evaluate, assemble, candidate, thresholds, approval, publish; refused or failed, the channels are as before.
import { ApplicationFailure, log, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow'
import { gate, rejected } from './gate.ts'
import { housekeeping, named } from './housekeeping/activities.ts'
import { saga, type Saga } from './saga.ts'
import { runStage } from './stage.ts'
import { untilUnheld } from './unheld.ts'
import { viaOf } from './via.ts'
import { entryOf, type Outcome } from '../domain/contract/artifacts.ts'
import type { Assembled, ReleaseInput, ReleaseResult } from '../domain/contract/release.ts'
import { RELEASE_GATE } from '../domain/operator.ts'
import type { Channel, Quality } from '../domain/release.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'
import { wholePhase } from '../domain/index/order.ts'

/** The manifest stays in the bucket whatever the gate says; only the channels depend on it. */
export async function release(input: ReleaseInput): Promise<ReleaseResult> {
  const outcomes: Outcome[] = []
  const done: { made?: Assembled } = {}
  try {
    await saga(async s => {
      // Nothing undoes these two: what they write is immutable, and named by nothing else.
      const roots = await s.step({ name: 'evaluate', run: () => evaluated(input, outcomes) })
      const cost = outcomes.reduce((sum, o) => sum + o.cost, input.cost)
      const assembled = await s.step({
        name: 'assemble',
        run: () => housekeeping.assemble({ ...input, roots, cost }),
      })
      done.made = assembled
      upsertSearchAttributes(attributesOf({ dataset: input.context.dataset, release: assembled.release }))
      await toChannels(s, input, assembled)
    })
    log.info('published', { release: done.made!.release, channel: done.made!.channel })
    return { ...done.made!, refusal: null, published: true, outcomes }
  } catch (e) {
    if (!(e instanceof ApplicationFailure) || e.type !== 'GateRejected') throw e
    log.warn('not published', { release: done.made!.release, reason: e.message })
    return { ...done.made!, refusal: e.message, published: false, outcomes }
  }
}

async function evaluated({ context, roots }: ReleaseInput, outcomes: Outcome[]): Promise<ReleaseInput['roots']> {
  if (context.through !== 'evaluate') return roots
  const outcome = await runStage('evaluate', 'release', { context, roots })
  outcomes.push(outcome)
  const subtree = wholePhase(context, 'release', roots)
  const { page } = await housekeeping.saveIndexNode({ subtree, entries: [entryOf(outcome)], below: [] })
  return { ...roots, release: page }
}

async function toChannels(s: Saga, input: ReleaseInput, made: Assembled): Promise<void> {
  const { dataset, run } = input.context
  const { release, manifest } = made
  const via = viaOf()
  let by = input.approver
  let reason = `run ${run}`
  const set = (name: string, channel: Channel): Promise<unknown> =>
    s.step({
      name,
      run: async () => {
        await untilUnheld(dataset, input.patch?.rollback, channel)
        return named('publish', channel, { dataset, channel, release, manifest, by, reason, via })
      },
      compensate: () => named('takeBack', channel, { dataset, channel, via }),
    })
  if (made.channel !== 'candidate') await set('candidate', 'candidate')
  await s.step({
    name: 'thresholds',
    run: async () => {
      if (made.refusal !== null) throw ApplicationFailure.nonRetryable(made.refusal, 'GateRejected')
    },
  })
  if (made.approval === 'required')
    await s.step({
      name: 'approval',
      run: async () => {
        const d = await gate(RELEASE_GATE, `release ${made.release} of ${dataset}: ${figures(made)}`)
        const { workflowId, originalExecutionRunId: runId } = workflowInfo()
        await housekeeping.recordDecision({ dataset, release: made.release, ...d, workflowId, runId })
        if (d.decision === 'reject') throw rejected(d)
        by = d.author
        reason = d.reason
      },
    })
  await set('publish', made.channel)
}

const figures = ({ quality, holes }: { quality: Quality; holes: number }): string =>
  [
    ...(quality.voiSum === undefined ? [] : [`VOI ${quality.voiSum.toFixed(3)}`]),
    ...(quality.arand === undefined ? [] : [`ARAND ${quality.arand.toFixed(3)}`]),
    `${holes} holes`,
  ].join(', ')
