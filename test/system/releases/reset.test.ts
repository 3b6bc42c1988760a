// A run that somebody resets in Temporal: it ends with the same release again, and an audit accepts what is there.
import { afterAll, expect, test } from 'vitest'
import type { Report } from '../../../client/audit/report.ts'
import { connect } from '../../../client/connection.ts'
import type { Release } from '../../../domain/release.ts'
import { Hillock } from '../harness.ts'

const hillock = new Hillock()
afterAll(() => hillock.close(), 60_000)

test('a run that was reset in the middle, as from the UI of Temporal, ends with the same release, and agrees', async () => {
  const report = await hillock.fromTiny()
  const { run } = await hillock.json<Release>('release', 'show', report.release)
  await hillock.cli('up', '--detach')
  const { workflow, workflowService, connection } = await connect(hillock.stack().temporal)
  const { events } = await workflow.getHandle(run.workflowId).fetchHistory()
  const tasks = events!.filter(e => e.workflowTaskCompletedEventAttributes).map(e => e.eventId!)
  await workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: run,
    reason: 'a second look',
    workflowTaskFinishEventId: tasks[tasks.length >> 1]!,
    requestId: 'reset',
  })
  const again = workflow.getHandle(run.workflowId)
  expect(((await again.result()) as { release: string }).release).toBe(report.release)
  expect((await again.describe()).runId).not.toBe(run.runId)
  const audited = await hillock.json<Report>('audit', report.release, '--sample', '4')
  expect(audited.findings).toEqual([])
  await connection.close()
}, 300_000)
