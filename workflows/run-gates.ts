// The gates of a run file: before a phase, with some regions of it as a canary; and at the end, where blocks have failed for good.
import { gate, rejected } from './gate.ts'
import { housekeeping } from './housekeeping/activities.ts'
import type { Tracker } from './tracker.ts'
import type { RunConfig } from '../domain/config.ts'
import type { Subtree } from '../domain/contract/subtree.ts'
import type { Roots, StageCount } from '../domain/contract/run.ts'
import { foundAgain } from '../domain/slo/counts.ts'
import { runAhead, type Steps } from '../domain/index/order.ts'

/** @throws ApplicationFailure GateRejected */
export async function passGates(
  config: RunConfig,
  subtree: Subtree,
  steps: Steps,
  tracker: Tracker,
  totals: ReadonlyMap<string, number>,
): Promise<void> {
  for (const { name, before, canary } of config.gates) {
    if (before !== subtree.phase) continue
    const ahead = canary ? await runAhead(subtree, canary, steps) : []
    const d = await gate(
      name,
      canary ? `${canary.join(', ')} of phase ${before}: ${figures(ahead, totals)}` : `before phase ${before}`,
    )
    if (d.decision === 'reject') throw rejected(d)
    // The phase comes to them again.
    tracker.add(ahead.map(foundAgain))
  }
}

/** What a canary has come to, and what that lets expect of the rest. */
const figures = (ahead: readonly StageCount[], totals: ReadonlyMap<string, number>): string =>
  ahead
    .map(c => {
      const n = c.made + c.found
      const rest = c.made > 0 ? ((totals.get(c.stage) ?? n) - n) / c.made : 0
      return (
        `${c.stage} ${c.made} made, ${c.found} found, ${c.quarantined} holes, ${c.retries} retries, ` +
        `${c.seconds.toFixed(1)} s, cost ${c.cost.toPrecision(2)}` +
        (rest > 0 ? `; the rest about ${(c.seconds * rest).toFixed(0)} s, cost ${(c.cost * rest).toPrecision(2)}` : '')
      )
    })
    .join(' | ')

/**
 * Where blocks or regions have failed on every attempt: true when they were set aside to be tried again, false when the release declares them as holes.
 * @throws ApplicationFailure GateRejected
 */
export async function retryPoisoned(run: string, roots: Roots, round: number, tracker: Tracker): Promise<boolean> {
  const { list, blocks, text } = await housekeeping.poisoned(roots)
  if (blocks === 0) return false
  tracker.phase = 'quarantine'
  const d = await gate(
    round === 1 ? 'quarantine' : `quarantine-${round}`,
    `${blocks} blocks and regions failed on every attempt: ${text}. Approve to declare them as holes, retry to try them again`,
    ['approve', 'reject', 'retry'],
  )
  if (d.decision === 'reject') throw rejected(d)
  if (d.decision === 'approve') return false
  const { author: by, reason } = d
  await housekeeping.quarantine({ list, kind: 'damaged', run: `retry ${round} in ${run}`, by, reason })
  return true
}
