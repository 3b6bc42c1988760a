// A run that somebody resets in Temporal, whose payloads are encrypted from then on: it ends with the same release again, and an audit accepts what is there.
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { afterAll, expect, test, vi } from 'vitest'
import type { Report } from '../../../client/audit/report.ts'
import { connect } from '../../../client/connection.ts'
import type { Release } from '../../../domain/release.ts'
import { Hillock } from '../harness.ts'

vi.stubEnv('HILLOCK_PAYLOAD_KEY', '5c'.repeat(32))
const hillock = new Hillock()
afterAll(() => hillock.close(), 60_000)

test('a run that was reset in the middle, as from the UI of Temporal, ends with the same release, and agrees; what is new is encrypted', async () => {
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
  const encodings = new Set<string>()
  for await (const { workflowId } of workflow.list({ query: 'WorkflowType = "audit"' })) {
    const history = historyToJSON(await workflow.getHandle(workflowId).fetchHistory())
    JSON.stringify(JSON.parse(history), (key, value: unknown) => {
      const { encoding } = (value as { metadata?: { encoding?: string } } | null)?.metadata ?? {}
      if (encoding !== undefined) encodings.add(Buffer.from(encoding, 'base64').toString())
      return key === 'searchAttributes' ? undefined : value
    })
  }
  expect([...encodings]).toEqual(['binary/encrypted'])
  await connection.close()
}, 300_000)
