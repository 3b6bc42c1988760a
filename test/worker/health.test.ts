// What a platform is told of a worker: alive from the start, ready once every role polls and Temporal answers.
import { expect, test, vi } from 'vitest'
import { answerHealth } from '../../worker/health.ts'
import { freePort } from '../system/dev-server.ts'

test('a worker is alive at once, and ready while all of its roles poll and Temporal answers', async () => {
  const at = `127.0.0.1:${await freePort()}`
  vi.stubEnv('HILLOCK_HEALTH', at)
  const health = await answerHealth(['workflow', 'cpu'], { build: 'b' })
  const ask = async (path: string): Promise<[number, unknown]> => {
    const r = await fetch(`http://${at}${path}`)
    return [r.status, await r.json()]
  }
  const getSystemInfo = vi.fn().mockResolvedValue({})
  const state = { workflow: 'RUNNING', cpu: 'RUNNING' }
  expect(await ask('/healthz')).toEqual([200, { ok: true, build: 'b' }])
  expect(await ask('/readyz')).toEqual([
    503,
    { ok: false, build: 'b', roles: { workflow: 'STARTING', cpu: 'STARTING' }, temporal: 'is not connected yet' },
  ])
  health.connection = {
    workflowService: { getSystemInfo },
    withDeadline: (_: unknown, ask: () => unknown) => ask(),
  } as never
  health.workers.set('workflow', { getState: () => state.workflow } as never)
  expect((await ask('/readyz'))[0]).toBe(503)
  health.workers.set('cpu', { getState: () => state.cpu } as never)
  expect(await ask('/readyz')).toEqual([200, { ok: true, build: 'b', roles: state, temporal: 'answers' }])
  state.cpu = 'DRAINING'
  expect((await ask('/readyz'))[0]).toBe(503)
  state.cpu = 'RUNNING'
  getSystemInfo.mockRejectedValue(new Error('gone'))
  expect(await ask('/readyz')).toEqual([503, expect.objectContaining({ temporal: 'gone' })])
  expect((await fetch(`http://${at}/`)).status).toBe(404)
  await expect(answerHealth(['cpu'], {})).rejects.toThrow(/where it cannot listen .*EADDRINUSE/)
  vi.stubEnv('HILLOCK_HEALTH', '9470')
  await expect(answerHealth(['cpu'], {})).rejects.toThrow('HILLOCK_HEALTH is 9470, which is no HOST:PORT')
})
