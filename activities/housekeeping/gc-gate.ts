// The gate of garbage collection: while it deletes no other activity begins, so that what a run holds is all in its history.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Context } from '@temporalio/activity'
import type { Client } from '@temporalio/client'
import { HillockError } from '../../domain/errors.ts'
import { isGone, type Execution } from '../../domain/provenance/history.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { valueOf } from '../../storage/encryption.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { getSealed, putSealed } from '../../storage/sealed.ts'
import { progress } from '../meter.ts'

const KEY = 'gc/stop.json'
/** For so long a process believes that the gate is open: one look per process, not per activity. */
const BELIEVED_MS = 1000
/** Until every process has looked, and the server lists what began before. */
const SETTLE_MS = 4000
const PAUSE_MS = 500
/** Pending activities that wait for a worker, for their next attempt, or for a person who has paused them. */
const AT_REST: readonly number[] = [1, 4]
/** They name nothing that garbage collection would delete, and some of them wait for long. */
const PASS: readonly string[] = ['planCollection', 'collect', 'archive', 'holdsOn']

interface Stop extends Execution {
  readonly id: string
}

let known: { at: number; stop: Stop | undefined } = { at: 0, stop: undefined }

/** Returns once no collection is deleting; `waits` hears which one it waits for. */
export async function untilOpen(objects: ObjectStore, name: string, waits: (stop: string) => void): Promise<void> {
  if (PASS.includes(name)) return
  const { client, cancellationSignal: signal } = Context.current()
  for (;;) {
    if (Date.now() - known.at > BELIEVED_MS)
      known = { at: Date.now(), stop: (await getSealed(objects, KEY)) as Stop | undefined }
    // One that was terminated stops nobody.
    if (!known.stop || !(await isRunning(client, known.stop))) return
    waits(known.stop.id)
    await sleep(PAUSE_MS, undefined, { signal })
  }
}

async function isRunning(client: Client, { workflowId, runId }: Execution): Promise<boolean> {
  try {
    return (await client.workflow.getHandle(workflowId, runId).describe()).status.name === 'RUNNING'
  } catch (e) {
    if (isGone(e)) return false
    throw e
  }
}

/**
 * Runs `work` while no other activity is under way, of whatever workflow. `still` throws when another attempt has taken over: this one was
 * taken for dead.
 */
export async function alone<T>(objects: ObjectStore, work: (still: () => Promise<void>) => Promise<T>): Promise<T> {
  const { client, info } = Context.current()
  const stop: Stop = { ...(info.workflowExecution as Execution), id: randomUUID() }
  // A marker that is there was left by a collection that was killed: there is one at a time.
  await objects.remove(KEY)
  await putSealed(objects, KEY, stop)
  let looked = 0
  const still = async (): Promise<void> => {
    if (Date.now() - looked < BELIEVED_MS) return
    looked = Date.now()
    const now = (await getSealed(objects, KEY)) as Stop | undefined
    if (now?.id !== stop.id) throw new HillockError('StoreError', 'another attempt of this collection has taken over')
  }
  try {
    await sleep(SETTLE_MS)
    while (await busy(client, stop.id)) {
      progress(0, 0)
      await sleep(PAUSE_MS, undefined, { signal: Context.current().cancellationSignal })
    }
    return await work(still)
  } finally {
    if (((await getSealed(objects, KEY)) as Stop | undefined)?.id === stop.id) await objects.remove(KEY)
  }
}

export async function runningWorkflows(client: Client): Promise<Execution[]> {
  const found: Execution[] = []
  for await (const { workflowId, runId } of client.workflow.list({ query: 'ExecutionStatus = "Running"' }))
    found.push({ workflowId, runId })
  return found
}

/** Whether an activity is under way that does not wait at the gate. */
async function busy(client: Client, stop: string): Promise<boolean> {
  const pending = await mapBounded(await runningWorkflows(client), 16, async ({ workflowId, runId }) => {
    const handle = client.workflow.getHandle(workflowId, runId)
    const { raw } = await handle.describe()
    return (raw.pendingActivities ?? []).some(a => {
      if (PASS.includes(a.activityType?.name ?? '')) return false
      const beat = valueOf(a.heartbeatDetails) as { held?: string } | undefined
      return !AT_REST.includes(a.state ?? 0) && beat?.held !== stop
    })
  })
  return pending.includes(true)
}
