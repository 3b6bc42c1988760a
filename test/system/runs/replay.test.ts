// Workflow code against recorded histories: a change that would break running workflows fails here.
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { expect, test } from 'vitest'
import * as workflows from '../../../workflows/index.ts'
import { workflowBundle } from '../../../worker/workflow-bundle.ts'
import { recordedHistories } from '../../recorded.ts'

const typeOf = (events: readonly Record<string, unknown>[]): string =>
  (events[0]!['workflowExecutionStartedEventAttributes'] as { workflowType: { name: string } }).workflowType.name

const advice =
  'if the change is meant, record again: `node test/record.ts`; what becomes of runs under way: docs/runbook.md, New code'

test('there is a recorded history of every workflow', () => {
  const recorded = new Set(recordedHistories().map(h => typeOf(h.history.events)))
  expect([...recorded].sort(), advice).toEqual(Object.keys(workflows).sort())
})

test('every recorded history replays, and one with another activity does not', async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: 'OFF', forward: {} } } })
  const recorded = recordedHistories()
  const spoilt = recorded.find(h => h.file.startsWith('publish'))!
  const text = JSON.stringify(spoilt.history).replace(
    '"name":"publish"},"taskQueue":{"name":"hillock-index"',
    '"name":"rollBack"},"taskQueue":{"name":"hillock-index"',
  )
  expect(text).not.toBe(JSON.stringify(spoilt.history))
  const histories = [...recorded, { file: 'spoilt', workflowId: 'spoilt', history: JSON.parse(text) as unknown }]
  const failed: string[] = []
  const code = { workflowBundle: await workflowBundle() }
  for await (const { workflowId, error } of Worker.runReplayHistories(code, histories))
    if (error) failed.push(workflowId)
  expect(failed, advice).toEqual(['spoilt'])
})
