// Forgeries of a history, one for each kind of field of its events: found by walking the JSON, and what its payloads hold where that is asked for.
import type { History } from '../domain/provenance/history.ts'

export interface EventForgery {
  /** `ACTIVITY_TASK_COMPLETED render result.payloads.0.data.cost`: the same for all events of a kind. */
  readonly shape: string
  /** Id of the event that is another. */
  readonly event: string
  readonly forged: () => History
}

/** What the attributes of an event say of whose it is. */
interface Of {
  readonly activityType?: { readonly name: string }
  readonly workflowType?: { readonly name: string }
  readonly scheduledEventId?: string
}
type Tree = Readonly<Record<string, unknown>>
const isTree = (v: unknown): v is Tree => typeof v === 'object' && v !== null

/** What a payload holds, where it is JSON; else undefined. */
function opened(data: unknown): unknown {
  try {
    return JSON.parse(Buffer.from(data as string, 'base64').toString())
  } catch {
    return undefined
  }
}

const closed = (held: unknown): string => Buffer.from(JSON.stringify(held)).toString('base64')

/** @param deep also what payloads hold, field by field. */
function* leaves(value: unknown, deep: boolean, key = ''): Generator<readonly string[]> {
  const tree = deep && key === 'data' ? opened(value) : value
  if (isTree(tree) && Object.keys(tree).length > 0)
    for (const [k, v] of Object.entries(tree)) for (const path of leaves(v, deep, k)) yield [k, ...path]
  else yield []
}

/** Another value that could stand there as well. */
function other(v: unknown): unknown {
  if (typeof v === 'number') return v + 1
  if (typeof v === 'boolean') return !v
  if (!isTree(v)) return typeof v === 'string' ? otherText(v) : 'forged'
  const [first] = Object.keys(v)
  if (first === undefined) return Array.isArray(v) ? ['forged'] : { forged: 1 }
  return put(v, [first], other)
}
const otherText = (v: string): string =>
  isTree(opened(v))
    ? closed(other(opened(v)))
    : /^[0-9a-f]{64}$/.test(v)
      ? 'f'.repeat(64)
      : /^\d+$/.test(v)
        ? String(Number(v) + 1)
        : `${v}x`

function put(v: unknown, [k, ...rest]: readonly string[], change: (v: unknown) => unknown): unknown {
  if (k === undefined) return change(v)
  if (typeof v === 'string') return closed(put(opened(v), [k, ...rest], change))
  const tree = v as Tree
  const value = put(tree[k], rest, change)
  if (Array.isArray(v)) return value === undefined ? v.toSpliced(Number(k), 1) : v.with(Number(k), value)
  const { [k]: _, ...others } = tree
  return value === undefined ? others : { ...others, [k]: value }
}

/** Each field changed, and each taken away; events swapped, told twice, left out. */
export function* eventForgeries(history: History, deep = false): Generator<EventForgery> {
  const { events } = history
  const whose = new Map<string, string>()
  for (const [i, event] of events.entries()) {
    const attributes = Object.entries(event).find(([k]) => k.endsWith('EventAttributes'))?.[1] as Of
    const { activityType, workflowType, scheduledEventId = '' } = attributes
    const who = (activityType ?? workflowType)?.name ?? whose.get(scheduledEventId) ?? ''
    if (activityType) whose.set(event.eventId, who)
    const kind = event.eventType.replace('EVENT_TYPE_', '')
    for (const path of leaves(event, deep)) {
      const shape = `${kind} ${path.includes('data') ? who : ''} ${path.map(k => (/\d/.test(k) ? '*' : k)).join('.')}`
      for (const [how, change] of [
        ['', other],
        ['-', () => undefined],
      ] as const) {
        const forged = (): History => ({ events: events.with(i, put(event, path, change) as History['events'][0]) })
        yield { shape: how + shape, event: event.eventId, forged }
      }
    }
  }
  const [second, last] = [events[1]!, events.at(-1)!]
  yield { shape: 'left out', event: second.eventId, forged: () => ({ events: events.toSpliced(1, 1) }) }
  yield { shape: 'twice', event: events[2]!.eventId, forged: () => ({ events: events.toSpliced(1, 0, second) }) }
  yield {
    shape: 'swapped',
    event: second.eventId,
    forged: () => ({ events: events.with(1, events[2]!).with(2, second) }),
  }
  yield { shape: 'cut', event: last.eventId, forged: () => ({ events: events.slice(0, -1) }) }
}
