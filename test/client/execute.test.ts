// Starting a run: two that begin in one second are two, a name that is taken is refused in words.
import type { Client } from '@temporalio/client'
import { expect, test } from 'vitest'
import { startRun } from '../../client/execute.ts'
import { parseRunConfig } from '../../domain/config.ts'

const config = parseRunConfig({ dataset: 'demo', voxelSizeNm: [8, 8, 8], source: { phantom: {} } }, 'run.yaml')

test('two runs in one second are two; a name under way is refused', async () => {
  const taken = new Set<string>()
  const started: { workflowId: string; staticSummary: string; workflowIdReusePolicy: string }[] = []
  const client = {
    workflow: {
      async start(_: string, o: (typeof started)[number]) {
        if (taken.has(o.workflowId))
          throw Object.assign(new Error('taken'), { name: 'WorkflowExecutionAlreadyStartedError' })
        taken.add(o.workflowId)
        started.push(o)
        return { firstExecutionRunId: 'r' }
      },
      getHandle: () => ({ result: async () => ({}) }),
    },
  } as unknown as Client
  const names = [await startRun(client, config, undefined), await startRun(client, config, undefined)].map(r => r.name)
  expect(new Set(names).size).toBe(2)
  for (const name of names) expect(name).toMatch(/^\d{8}-\d{6}(-2)?$/)
  // A default name is never that of a run which has ended.
  expect(started.every(s => s.workflowIdReusePolicy === 'REJECT_DUPLICATE')).toBe(true)
  const { name } = await startRun(client, config, 'first try (2)')
  expect(name).toMatch(/^first-try-2-[0-9a-f]{8}$/)
  expect(started.at(-1)!.staticSummary).toContain('first try (2)')
  await expect(startRun(client, config, 'first try (2)')).rejects.toThrow('is under way')
})
