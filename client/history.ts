// What the histories of a run say: every workflow below it, every activity with its attempts.
import type { Client } from '@temporalio/client'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { HANDED, LOST, type Failure, type ActivityReport } from '../domain/contract/artifacts.ts'
import type { CacheLookup } from '../domain/contract/subtree.ts'
import type { ReconstructInput, RunContext } from '../domain/contract/run.ts'
import {
  attributesOf,
  isGone,
  kindOf,
  payloadsOf,
  type Attributes,
  type Execution,
  type Payloads,
} from '../domain/provenance/history.ts'
import type { Run, Task } from '../domain/slo/facts.ts'
import { mapBounded } from '../storage/bounded.ts'
import { archivedText, archiveFolder, historyKey } from '../storage/provenance/histories.ts'
import { readHistory, valueOf } from '../storage/encryption.ts'
import type { ObjectStore } from '../storage/object-store.ts'

interface Event {
  readonly id: string
  readonly kind: string
  readonly at: number
  readonly a: Attributes
}

/** Events of one run of one workflow; undefined when they are gone. An empty run id means the newest. */
type HistorySource = (e: Execution) => Promise<readonly Event[] | undefined>

/** The history of a run as the server has it, in JSON; undefined where it has none (any more). */
export async function serverHistory(client: Client, { workflowId, runId }: Execution): Promise<string | undefined> {
  try {
    return historyToJSON(await client.workflow.getHandle(workflowId, runId || undefined).fetchHistory())
  } catch (e) {
    if (isGone(e)) return undefined
    throw e
  }
}

/** The histories that the server still has, else those that were archived when `root` ended. */
const historiesOf =
  (client: Client, objects: ObjectStore, root: Execution): HistorySource =>
  async e => {
    const runId = e.runId || root.runId
    const archived = (): Promise<string | undefined> => archivedText(objects, historyKey(archiveFolder(root), runId))
    const text = (await serverHistory(client, e)) ?? (runId ? await archived() : undefined)
    if (text === undefined) return undefined
    return readHistory(text).events.map(x => ({
      id: x.eventId,
      kind: kindOf(x),
      at: Date.parse(x.eventTime!),
      a: attributesOf(x),
    }))
  }

/** Histories that are read at once. */
const READS = 8

const failuresIn = (p: Payloads | undefined): readonly Failure[] =>
  payloadsOf(p).flatMap(d => (d as ActivityReport | null)?.failures ?? [])

/** A result of an activity, as far as it is read here. */
type Result = ActivityReport & {
  readonly ref?: { readonly stage: string; readonly recipe: string }
  readonly page?: string
  readonly release?: string
}

/** An activity with its result, which names its artifacts or the page that lists them. */
export interface Done extends Omit<Task, 'artifacts'> {
  readonly activityId: string
  readonly result: Result | null
}

export interface RunHistory {
  readonly run: Run
  readonly input: ReconstructInput
  readonly context: RunContext | null
  readonly tasks: readonly Done[]
  /** Artifacts in subtrees that were recognised as the same as in an earlier run, so that no activity looked at them. */
  readonly skipped: Readonly<Record<string, number>>
  readonly workflowIds: readonly string[]
  readonly missing: readonly string[]
}

const endings: Readonly<Record<string, Run['status']>> = {
  WORKFLOW_EXECUTION_COMPLETED: 'completed',
  WORKFLOW_EXECUTION_FAILED: 'failed',
  WORKFLOW_EXECUTION_TIMED_OUT: 'failed',
  WORKFLOW_EXECUTION_TERMINATED: 'cancelled',
  WORKFLOW_EXECUTION_CANCELED: 'cancelled',
}
const endOf = (events: readonly Event[]): Run['status'] => endings[events.at(-1)!.kind] ?? 'running'

/** A run with all its descendants, of any depth, through continue-as-new; undefined when its own history is gone. */
export async function readRun(
  client: Client,
  objects: ObjectStore,
  root: { workflowId: string; runId?: string },
): Promise<RunHistory | undefined> {
  const { workflowId } = root
  const source = historiesOf(client, objects, { workflowId, runId: root.runId ?? '' })
  const newest = await source({ workflowId, runId: root.runId ?? '' })
  if (!newest) return undefined
  const tasks: Done[] = []
  const workflowIds: string[] = []
  const missing: string[] = []
  const read = async (at: Execution, events: readonly Event[]): Promise<Execution[]> => {
    const { done, open } = tasksOf(events, { run: workflowId, workflowId: at.workflowId })
    tasks.push(...[...done, ...(open.length > 0 ? await pending(client, at, open) : [])].map(apart))
    // The archiving of a run outlives it and is no part of it.
    const started = events.filter(e => e.kind === 'CHILD_WORKFLOW_EXECUTION_STARTED')
    return started.filter(e => e.a.workflowType!.name !== 'archive').map(e => e.a.workflowExecution!)
  }
  const visit = async (at: Execution): Promise<Execution[]> => {
    const events = await source(at)
    if (!events) missing.push(at.workflowId)
    else workflowIds.push(at.workflowId)
    const next = events?.at(-1)?.a.newExecutionRunId
    return events ? [...(await read(at, events)), ...(next ? [{ workflowId: at.workflowId, runId: next }] : [])] : []
  }
  // The root is followed backwards: a run that was reset has no link from the one before.
  let level = await read({ workflowId, runId: root.runId ?? '' }, newest)
  let first = newest
  for (let before = newest[0]!.a.continuedExecutionRunId; before;) {
    const events = await source({ workflowId, runId: before })
    if (!events) break
    level.push(...(await read({ workflowId, runId: before }, events)))
    first = events
    before = events[0]!.a.continuedExecutionRunId
  }
  workflowIds.push(workflowId)
  while (level.length > 0) level = (await mapBounded(level, READS, visit)).flat()

  // Histories are read side by side; the order must not show in sums of floating-point numbers.
  const name = (t: Done): string => `${t.workflowId} ${t.activityId}`
  tasks.sort((a, b) => a.scheduled - b.scheduled || (name(a) < name(b) ? -1 : 1))

  const skipped: Record<string, number> = {}
  for (const t of tasks)
    if (t.stage === 'lookUpCache' && t.result) {
      const { found, below } = t.result as unknown as CacheLookup
      for (const subtree of [found, ...below])
        for (const c of subtree?.counts ?? []) skipped[c.stage] = (skipped[c.stage] ?? 0) + c.made + c.found
    }
  const status = endOf(newest)
  return {
    run: { workflowId, status, start: first[0]!.at, end: status === 'running' ? null : newest.at(-1)!.at },
    input: payloadsOf(first[0]!.a.input)[0] as ReconstructInput,
    context: (tasks.find(t => t.stage === 'survey')?.result ?? null) as RunContext | null,
    skipped,
    tasks,
    workflowIds,
    missing,
  }
}

/** Attempts that were handed over by workers that were told to end are counted apart. */
function apart(t: Done): Done {
  const failures = t.failures.filter(f => f.type !== HANDED)
  const handedOver = t.failures.length - failures.length
  return { ...t, failures, handedOver, attempts: t.attempts - handedOver }
}

function tasksOf(events: readonly Event[], of: { run: string; workflowId: string }): { done: Done[]; open: Done[] } {
  const open = new Map<string, Done>()
  const done: Done[] = []
  for (const { id, kind, at, a } of events) {
    if (kind === 'ACTIVITY_TASK_SCHEDULED') {
      const [stage, activityId] = [a.activityType!.name, a.activityId!]
      // Stages name their activities; those that make no artifact are numbered.
      const what = activityId.startsWith(`${stage}/`)
        ? activityId.slice(stage.length + 1).split('@')[0]!
        : `${of.workflowId} ${activityId}`
      const begun = { scheduled: at, ended: null, outcome: 'open' as const, attempts: 1, handedOver: 0 }
      open.set(id, { ...of, activityId, stage, what, ...begun, failures: [], requests: {}, result: null })
    }
    const t = open.get(a.scheduledEventId ?? '')
    if (!t) continue
    if (kind === 'ACTIVITY_TASK_STARTED') open.set(a.scheduledEventId!, { ...t, attempts: a.attempt ?? 1 })
    const end = (outcome: Task['outcome'], failures: readonly Failure[], result: Result | null = null): void => {
      open.delete(a.scheduledEventId!)
      done.push({ ...t, ended: at, outcome, failures, requests: result?.requests ?? {}, result })
    }
    if (kind === 'ACTIVITY_TASK_COMPLETED') {
      const result = (payloadsOf(a.result)[0] ?? null) as Result | null
      end('done', result?.failures ?? [], result)
    } else if (kind === 'ACTIVITY_TASK_FAILED') end('failed', failuresIn(a.failure?.applicationFailureInfo?.details))
    else if (kind === 'ACTIVITY_TASK_TIMED_OUT')
      end('failed', [...failuresIn(a.failure?.timeoutFailureInfo?.lastHeartbeatDetails), { at, type: LOST }])
    else if (kind === 'ACTIVITY_TASK_CANCELED') end('cancelled', [])
  }
  const outcome = endOf(events) === 'running' ? 'open' : 'cancelled'
  return { done, open: [...open.values()].map(t => ({ ...t, outcome })) }
}

/** An activity that has not ended leaves no attempt in the history: the server says how far it is. */
async function pending(client: Client, at: Execution, open: readonly Done[]): Promise<Done[]> {
  if (open.every(t => t.outcome !== 'open')) return [...open]
  const { raw } = await client.workflow.getHandle(at.workflowId, at.runId || undefined).describe()
  return open.map(t => {
    const now = raw.pendingActivities?.find(p => p.activityId === t.activityId)
    const { failures = [] } = (valueOf(now?.heartbeatDetails) ?? {}) as ActivityReport
    return now ? { ...t, attempts: now.attempt ?? 1, failures } : t
  })
}
