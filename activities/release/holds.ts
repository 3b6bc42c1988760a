// Holds on a dataset while it is rolled back: new runs are refused, releases wait, its Temporal schedules are paused.
import { Context } from '@temporalio/activity'
import type { HoldTask } from '../../domain/contract/rollback.ts'
import type { ReconstructInput } from '../../domain/contract/run.ts'
import { HillockError } from '../../domain/errors.ts'
import { isGone } from '../../domain/provenance/history.ts'
import { activeHolds, putHold, releaseHold as release } from '../../storage/holds.ts'
import type { Deps } from '../context.ts'

/** @throws HillockError DatasetHeld when a rollback holds the dataset, unless the run belongs to it. */
export async function refuseHeld(
  deps: Deps,
  { dataset, patch }: Pick<ReconstructInput, 'dataset' | 'patch'>,
): Promise<void> {
  const held = await holdsOn(deps, dataset, patch?.rollback)
  if (held.length > 0) throw new HillockError('DatasetHeld', `${dataset} is held: ${held.join('; ')}`)
}

export async function holdsOn(deps: Deps, dataset: string, except?: string): Promise<string[]> {
  const out: string[] = []
  for (const h of await activeHolds(deps.objects, dataset))
    if (h.workflowId !== except && (await isRunning(h.workflowId))) out.push(`${h.workflowId}, by ${h.by}: ${h.reason}`)
  return out
}

/** A hold whose rollback was terminated binds nobody. */
async function isRunning(workflowId: string): Promise<boolean> {
  try {
    return (await Context.current().client.workflow.getHandle(workflowId).describe()).status.name === 'RUNNING'
  } catch (e) {
    if (isGone(e)) return false
    throw e
  }
}

const note = ({ id, by, reason }: HoldTask): string => `held by ${id} (${by}: ${reason})`

export async function hold(deps: Deps, task: HoldTask): Promise<void> {
  const { dataset, id, by, reason } = task
  const workflowId = Context.current().info.workflowExecution?.workflowId ?? 'none'
  await putHold(deps.objects, dataset, { id, by, reason, workflowId })
  for await (const s of schedulesOf(dataset)) if (!s.paused) await s.handle.pause(note(task))
}

/** A schedule that somebody else has paused, or paused again with another note, stays paused. */
export async function releaseHold(deps: Deps, task: HoldTask): Promise<void> {
  const { dataset, id } = task
  for await (const s of schedulesOf(dataset))
    if (s.paused && s.note === note(task)) await s.handle.unpause(`released by ${id}`)
  await release(deps.objects, dataset, id)
}

/** Schedules that start workflows for a dataset: by its search attribute, or by the dataset that their input names. */
async function* schedulesOf(dataset: string) {
  const { schedule } = Context.current().client
  for await (const { scheduleId } of schedule.list()) {
    const handle = schedule.getHandle(scheduleId)
    const { action, searchAttributes, state } = await handle.describe()
    const input = 'args' in action ? (action.args?.[0] as { dataset?: unknown } | undefined) : undefined
    const named = [searchAttributes['HillockDataset']?.[0], input?.dataset]
    if (named.includes(dataset)) yield { handle, paused: state.paused, note: state.note }
  }
}
