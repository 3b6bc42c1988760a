// The inference process: calls wait for each other, and what becomes of one is no matter of the others.
import { expect, test } from 'vitest'
import { readModel } from '../../activities/model.ts'
import { inferenceHost } from '../../worker/inference.ts'

test('a call that is cancelled or lost takes no other with it', async () => {
  const model = await readModel('models/fib-affinity', [10, 10, 10])
  const n = 32
  const request = {
    model: model.file,
    digest: model.digest,
    em: Uint8Array.from({ length: n ** 3 }, (_, i) => (i * 7919) % 251),
    shape: [n, n, n] as const,
    core: { min: [0, 0, 0], max: [n, n, n] } as const,
    channels: 3,
    multipleOf: model.multipleOf,
  }
  const pids: number[] = []
  const host = inferenceHost(pid => pids.push(pid))
  try {
    const whole = await host.infer(request)
    const [first, third] = [new AbortController(), new AbortController()]
    const calls = [first.signal, undefined, third.signal, undefined].map(signal => host.infer(request, signal))
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

    const lost = host.infer(request)
    const next = host.infer(request)
    process.kill(host.pid()!, 'SIGKILL')
    await expect(lost).rejects.toMatchObject({ type: 'ComputeLost' })
    expect(Buffer.compare(await next, whole)).toBe(0)
  } finally {
    host.close()
  }
})
