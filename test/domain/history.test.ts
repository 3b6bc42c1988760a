// Reading histories: what belongs together, under which run ids work was done, where two histories part.
import { expect, test } from 'vitest'
import {
  aboutHistory,
  activityCalls,
  archivedWith,
  firstDifference,
  runIds,
  type History,
} from '../../domain/provenance/history.ts'

const payloads = (v: unknown): object => ({ payloads: [{ data: Buffer.from(JSON.stringify(v)).toString('base64') }] })
const event = (i: number, type: string, attributes: object): History['events'][number] => ({
  eventId: String(i),
  eventType: `EVENT_TYPE_${type}`,
  [`${type.toLowerCase()}EventAttributes`]: attributes,
})
const child = (workflowId: string, runId: string, name: string): object => ({
  workflowExecution: { workflowId, runId },
  workflowType: { name },
})

const history: History = {
  events: [
    event(1, 'WORKFLOW_EXECUTION_STARTED', {
      workflowId: 'fan-out/a',
      workflowType: { name: 'fanOut' },
      continuedExecutionRunId: 'before',
    }),
    event(2, 'ACTIVITY_TASK_SCHEDULED', {
      activityId: 'rag/0',
      activityType: { name: 'rag' },
      input: payloads({ a: 1 }),
    }),
    event(3, 'ACTIVITY_TASK_SCHEDULED', { activityId: 'rag/1', activityType: { name: 'rag' }, input: payloads(null) }),
    event(4, 'CHILD_WORKFLOW_EXECUTION_STARTED', child('region/a', 'first', 'region')),
    event(5, 'CHILD_WORKFLOW_EXECUTION_STARTED', child('archive/a', 'x', 'archive')),
    event(6, 'WORKFLOW_TASK_FAILED', { baseRunId: 'base', newRunId: 'self' }),
    // Reset meanwhile: it ended under another run id than it had started with.
    event(7, 'CHILD_WORKFLOW_EXECUTION_COMPLETED', child('region/a', 'second', 'region')),
    event(8, 'ACTIVITY_TASK_COMPLETED', { scheduledEventId: '3', result: payloads('done') }),
    event(9, 'WORKFLOW_EXECUTION_CONTINUED_AS_NEW', { newExecutionRunId: 'after' }),
  ],
}

const self = { workflowId: 'fan-out/a', runId: 'self' }

test('children under every run id, runs before and after, but no archive', () => {
  const found = archivedWith(history, self, self)
  expect(found.map(r => `${r.workflowId} ${r.runId}`).sort()).toEqual([
    'fan-out/a after',
    'fan-out/a before',
    'region/a first',
    'region/a second',
  ])
  expect(runIds(history, 'self')).toEqual(new Set(['self', 'base']))
  expect(aboutHistory(history)).toEqual({ workflowId: 'fan-out/a', type: 'fanOut', end: 'continued_as_new', events: 9 })
})

test('answers belong to the activity that was scheduled', () => {
  expect(activityCalls(history)).toEqual([
    { event: '2', id: 'rag/0', type: 'rag', input: { a: 1 } },
    { event: '3', id: 'rag/1', type: 'rag', input: null, result: 'done' },
  ])
})

test('the first difference is named, whatever the order of keys', () => {
  const turned = { events: history.events.map(e => Object.fromEntries(Object.entries(e).reverse()) as typeof e) }
  expect(firstDifference(history, turned)).toBeUndefined()
  expect(firstDifference(history, { events: history.events.slice(0, 8) })).toContain('event 9 (WORKFLOW_EXECUTION')
  const other = { events: history.events.with(2, event(3, 'ACTIVITY_TASK_SCHEDULED', { activityId: 'rag/9' })) }
  expect(firstDifference(history, other)).toBe('event 3 (ACTIVITY_TASK_SCHEDULED rag/1)')
})
