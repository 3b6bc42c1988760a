// The inference process: calls wait for each other, and what becomes of one is no matter of the others.
import { expect, test } from 'vitest'
import type { Deps } from '../../activities/context.ts'
import { archiveModel, readModel, request } from '../../activities/model.ts'
import { inferenceHost } from '../../worker/inference.ts'
import { memoryStore } from '../storage/fixtures.ts'

test('a call that is cancelled or lost takes no other with it', async () => {
  const deps = { objects: memoryStore() } as Partial<Deps> as Deps
  const model = await archiveModel(deps, 'models/fib-affinity', [10, 10, 10])
  const n = 32
  const em = Uint8Array.from({ length: n ** 3 }, (_, i) => (i * 7919) % 251)
  const asked = request(deps, model, em, [n, n, n], { min: [0, 0, 0], max: [n, n, n] })
  const pids: number[] = []
  const host = inferenceHost(pid => pids.push(pid))
  try {
    // From where its folder has it, as from the bucket.
    const { file } = await readModel('models/fib-affinity', [10, 10, 10])
    const whole = await host.infer({ ...asked, model: file })
    const [first, third] = [new AbortController(), new AbortController()]
    const calls = [first.signal, undefined, third.signal, undefined].map(signal => host.infer(asked, signal))
    first.abort(new Error('first is cancelled'))
    third.abort(new Error('third is cancelled'))
    const [a, b, c, d] = await Promise.allSettled(calls)
    expect([a, c].map(x => (x as PromiseRejectedResult).reason.message)).toEqual([
      'first is cancelled',
      'third is cancelled',
    ])
    for (const x of [b, d]) expect(Buffer.compare((x as PromiseFulfilledResult<Uint8Array>).value, whole)).toBe(0)
    // One process ran the first call, one the others: what only waits costs none.
    expect(pids.length).toBe(2)

    const lost = host.infer(asked)
    const next = host.infer(asked)
    process.kill(host.pid()!, 'SIGKILL')
    await expect(lost).rejects.toMatchObject({ type: 'ComputeLost' })
    expect(Buffer.compare(await next, whole)).toBe(0)
  } finally {
    host.close()
  }
})
