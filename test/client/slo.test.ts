// What a report of service levels is about: runs that Temporal lists, and those that only the bucket remembers.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { afterAll, expect, test } from 'vitest'
import { sloOf, sloSubject } from '../../client/slo.ts'
import type { History } from '../../domain/provenance/history.ts'
import { fileStore } from '../../storage/file-store.ts'
import { archiveFolder, historyKey, putHistory, putHistoryIndex } from '../../storage/provenance/histories.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-slo-'))
afterAll(() => rmSync(folder, { recursive: true }))
const objects = fileStore(folder)

async function archive(workflowId: string, runId: string, type: string, eventTime: string): Promise<void> {
  const attributes = { workflowExecutionStartedEventAttributes: { workflowType: { name: type } } }
  const events = [{ eventId: '1', eventType: 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED', eventTime, ...attributes }]
  await putHistory(objects, historyKey(archiveFolder({ workflowId, runId }), runId), { events } as History)
  await putHistoryIndex(objects, { root: { workflowId, runId }, histories: [] })
}

const listing = (...runs: { workflowId: string; runId: string; historyLength: number }[]): Client =>
  ({
    workflow: {
      async *list() {
        for (const r of runs) yield { ...r, startTime: new Date('2026-03-01'), status: { name: 'RUNNING' } }
      },
    },
  }) as unknown as Client

/** A server that has forgotten every run. */
const forgetful = {
  workflow: {
    getHandle: () => ({ fetchHistory: () => Promise.reject(Object.assign(new Error('gone'), { code: 5 })) }),
  },
} as unknown as Client

test('a dataset is all its runs, also those that the server has forgotten, oldest first; the version tells of news', async () => {
  await archive('reconstruct/cortex/b', 'r2', 'reconstruct', '2026-02-01T00:00:00Z')
  await archive('reconstruct/cortex/a', 'r1', 'reconstruct', '2026-01-01T00:00:00Z')
  await archive('rollback/cortex/published/from-x', 'r3', 'rollback', '2026-02-02T00:00:00Z')
  await archive('specimen/cortex/s', 'r4', 'specimen', '2026-02-02T00:00:00Z')
  const forgotten = await sloSubject(listing(), objects, 'cortex')
  expect(forgotten.runs.map(r => r.runId)).toEqual(['r1', 'r2'])
  expect((await sloSubject(listing(), objects, 'cortex/a')).runs.map(r => r.runId)).toEqual(['r1'])
  const under = { workflowId: 'reconstruct/cortex/c', runId: 'r5', historyLength: 10 }
  const [now, later] = [
    await sloSubject(listing(under), objects, 'cortex'),
    await sloSubject(listing({ ...under, historyLength: 11 }), objects, 'cortex'),
  ]
  expect(now.order.at(-1)).toBe('reconstruct/cortex/c')
  expect(new Set([forgotten.version, now.version, later.version]).size).toBe(3)
  expect((await sloSubject(listing(under), objects, 'cortex')).version).toBe(now.version)
  await expect(sloSubject(listing(), objects, 'nothing')).rejects.toThrow('nor is it a run or a dataset')
  const gone = { runs: [{ workflowId: 'reconstruct/cortex/gone', runId: 'r9' }], order: [], version: '' }
  await expect(sloOf(forgetful, objects, 'cortex/r', gone)).rejects.toMatchObject({
    type: 'ConfigError',
    message: expect.stringContaining('neither the server nor the bucket has the history of reconstruct/cortex/gone'),
  })
})
