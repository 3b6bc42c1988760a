// What an audit reads out of a workflow's history, in the JSON form of Temporal's protobuf that its own CLI prints.
import { canonicalJson, type Json } from '../canonical.ts'
import { differences, type Difference } from './differences.ts'

/** One run of one workflow. */
export interface Execution {
  readonly workflowId: string
  readonly runId: string
}

export const nameOf = ({ workflowId, runId }: Execution): string => `${workflowId} (${runId})`

/** Codes of gRPC: INVALID_ARGUMENT (of an id that can be none), NOT_FOUND. */
const GONE: readonly unknown[] = [3, 5]

/** Whether Temporal says that it does not know, or no longer has, a workflow. */
export const isGone = (e: unknown): boolean => {
  const { name, code, cause } = e as { name?: string; code?: unknown; cause?: { code?: unknown } }
  return name === 'WorkflowNotFoundError' || GONE.includes(code) || GONE.includes(cause?.code)
}

interface HistoryEvent {
  readonly eventId: string
  readonly eventType: string
  readonly eventTime?: string
  readonly [attributes: string]: unknown
}
export interface History {
  readonly events: readonly HistoryEvent[]
}

/** An activity as the history records it: what it was given, and what it answered if it completed. */
export interface ActivityCall {
  /** Event that scheduled it. */
  readonly event: string
  readonly id: string
  readonly type: string
  readonly input: unknown
  /** Of its last attempt. */
  readonly attempt?: number
  readonly result?: unknown
}

export interface Payloads {
  readonly payloads?: readonly { readonly data?: string }[]
}
/** What is read of the attributes of an event. */
export interface Attributes {
  readonly workflowId?: string
  readonly workflowType?: { readonly name: string }
  readonly workflowExecution?: Execution
  readonly continuedExecutionRunId?: string
  readonly newExecutionRunId?: string
  readonly baseRunId?: string
  readonly activityId?: string
  readonly activityType?: { readonly name: string }
  readonly scheduledEventId?: string
  readonly attempt?: number
  readonly input?: Payloads
  readonly result?: Payloads
  readonly failure?: {
    readonly applicationFailureInfo?: { readonly details?: Payloads }
    readonly timeoutFailureInfo?: { readonly lastHeartbeatDetails?: Payloads }
  }
}

const PREFIX = 'EVENT_TYPE_'

export const attributesOf = (e: HistoryEvent): Attributes =>
  (Object.entries(e).find(([k]) => k.endsWith('EventAttributes'))?.[1] ?? {}) as Attributes

/** What Hillock always writes as JSON. */
export const payloadsOf = (p: Payloads | undefined): unknown[] =>
  (p?.payloads ?? []).map(({ data }) => (data ? (JSON.parse(Buffer.from(data, 'base64').toString()) as unknown) : null))
const decode = (p: Payloads | undefined): unknown => payloadsOf(p)[0] ?? null

/** `ACTIVITY_TASK_SCHEDULED` and the like. */
export const kindOf = (e: HistoryEvent): string => e.eventType.slice(PREFIX.length)

const typeOf = (h: History): string => attributesOf(h.events[0]!).workflowType!.name

/** `completed`, `failed`, `canceled`, `terminated`, ...: how the run ended. */
const endOf = (h: History): string => kindOf(h.events.at(-1)!).slice('WORKFLOW_EXECUTION_'.length).toLowerCase()

/** What the index of an archive says of a history beside its run id and digests. */
export const aboutHistory = (h: History) => ({
  workflowId: attributesOf(h.events[0]!).workflowId!,
  type: typeOf(h),
  end: endOf(h),
  events: h.events.length,
})

/** In what the index says something else than the history. */
export const misindexed = (
  h: History,
  { workflowId, type, end, events }: ReturnType<typeof aboutHistory>,
): Difference[] => differences(aboutHistory(h), { workflowId, type, end, events })

/** Runs that belong to the same work: children, however they ended, and the runs before and after in a chain. */
function relatives(h: History, self: Execution): Execution[] {
  const found = new Map<string, Execution>()
  const add = (workflowId: string, runId: string | undefined): void => {
    const e = { workflowId, runId: runId ?? '' }
    if (runId && runId !== self.runId) found.set(nameOf(e), e)
  }
  for (const e of h.events) {
    const a = attributesOf(e)
    // An archive cannot hold the history of its own making.
    if (kindOf(e).startsWith('CHILD_WORKFLOW_EXECUTION_') && a.workflowType?.name !== 'archive') {
      if (a.workflowExecution) add(a.workflowExecution.workflowId, a.workflowExecution.runId)
    } else if (kindOf(e).startsWith('WORKFLOW_EXECUTION_')) {
      add(self.workflowId, a.continuedExecutionRunId)
      add(self.workflowId, a.newExecutionRunId)
    }
  }
  return [...found.values()]
}

/** Those of them that lie in the archive of `root`: a run below a rollback or a schedule is archived by itself. */
export const archivedWith = (h: History, self: Execution, root: Execution): Execution[] =>
  relatives(h, self).filter(e => !e.workflowId.startsWith('reconstruct/') || e.workflowId === root.workflowId)

/** Why it is none that Temporal could have written, as far as it is read here; undefined where nothing speaks against it. */
export function historyFault(h: History): string | undefined {
  const nobody = { workflowId: '', runId: '' }
  try {
    if (h.events.some((e, i) => e.eventId !== String(i + 1)))
      return 'is no history: its events are not numbered one by one'
    aboutHistory(h)
    archivedWith(h, nobody, nobody)
    activityCalls(h)
    return undefined
  } catch (e) {
    return `is no history: ${(e as Error).message}`
  }
}

/** Run ids under which the activities of a history ran: its own, and those that it was reset from. */
export const runIds = (h: History, runId: string): Set<string> =>
  new Set([runId, ...h.events.flatMap(e => attributesOf(e).baseRunId ?? [])])

export function activityCalls(h: History): ActivityCall[] {
  const calls = new Map<string, ActivityCall>()
  for (const e of h.events) {
    const a = attributesOf(e)
    if (kindOf(e) === 'ACTIVITY_TASK_SCHEDULED')
      calls.set(e.eventId, { event: e.eventId, id: a.activityId!, type: a.activityType!.name, input: decode(a.input) })
    const call = calls.get(a.scheduledEventId!)
    if (call && kindOf(e) === 'ACTIVITY_TASK_STARTED') calls.set(call.event, { ...call, attempt: a.attempt! })
    else if (call && kindOf(e) === 'ACTIVITY_TASK_COMPLETED')
      calls.set(call.event, { ...call, result: decode(a.result) })
  }
  return [...calls.values()]
}

/** A folder that is named by content. */
const FOLDER = /(?<="sha256:)[0-9a-f]{64}(?=[/"])/g
export const foldersIn = (json: string): string[] => json.match(FOLDER) ?? []

/** Every sha256 in what went into and came out of a history's workflow and activities, and which of them are lists of tiles. */
export function digestsIn(h: History): Readonly<Record<'all' | 'lists' | 'folders', Set<string>>> {
  const payloads = JSON.stringify(h).matchAll(/"data":"([A-Za-z0-9+/=]+)"/g)
  const texts = Array.from(payloads, ([, data]) => Buffer.from(data!, 'base64').toString())
  const found = (r: RegExp): Set<string> => new Set(texts.flatMap(t => t.match(r) ?? []))
  return {
    all: found(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g),
    lists: found(/(?<="layout":")[0-9a-f]{64}(?=")/g),
    folders: found(FOLDER),
  }
}

/** `event 14 (ACTIVITY_TASK_SCHEDULED affinity/0_0_0)`: the first event in which two histories differ; undefined if none. */
export function firstDifference(a: History, b: History): string | undefined {
  for (let i = 0; i < Math.max(a.events.length, b.events.length); i++) {
    const [x, y] = [a.events[i], b.events[i]]
    if (x && y && canonicalJson(x as Json) === canonicalJson(y as Json)) continue
    const e = (x ?? y)!
    const id = attributesOf(e).activityId
    return `event ${e.eventId} (${kindOf(e)}${id ? ` ${id}` : ''})`
  }
  return undefined
}
