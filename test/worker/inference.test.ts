// The inference processes: calls wait for each other, and what becomes of one is no matter of the others.
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Deps } from '../../activities/context.ts'
import { archiveModel, readModel, request } from '../../activities/model.ts'
import type { Vec3 } from '../../domain/geometry.ts'
import { inferenceHost } from '../../worker/inference.ts'
import { onnxSettings, tryProvider } from '../../worker/onnx/onnx-settings.ts'
import { memoryStore } from '../storage/fixtures.ts'

const deps = { objects: memoryStore() } as Partial<Deps> as Deps
const model = await archiveModel(deps, 'models/fib-affinity', [10, 10, 10])
/** Grain of two sizes. */
const grain = (n: number): Uint8Array => {
  const noise = (...v: number[]): number =>
    Math.imul(
      v.reduce((h, c) => Math.imul(h ^ c, 0x9e3779b1), 7),
      0x85ebca6b,
    ) >>> 25
  return Uint8Array.from({ length: n ** 3 }, (_, i) => {
    const v = [1, n, n * n].map(step => Math.floor(i / step) % n)
    return 50 + noise(...v.map(c => c >> 3)) + noise(...v) / 4
  })
}

test('a call that is cancelled or lost takes no other with it', async () => {
  const n = 32
  const asked = request(deps, model, grain(n), [n, n, n], { min: [0, 0, 0], max: [n, n, n] })
  const pids = new Set<number>()
  const host = inferenceHost(now => now.forEach(pid => pids.add(pid)))
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
    expect(pids.size).toBe(2)

    const lost = host.infer(asked)
    const next = host.infer(asked)
    process.kill(host.pid()!, 'SIGKILL')
    await expect(lost).rejects.toMatchObject({ type: 'ComputeLost' })
    expect(Buffer.compare(await next, whole)).toBe(0)
  } finally {
    host.close()
  }
})

test('blocks side by side, and of any size: the same bytes where the halo is exact', async () => {
  // What the card calls exact, on both sides of the cores, which lie in the middle of the volume.
  const [exact, side, n] = [48, 16, 112]
  const em = grain(n)
  const at = (x: number, y: number, z: number): number => x + n * (y + n * z)
  const crop = (min: Vec3, max: Vec3): Uint8Array => {
    const out: number[] = []
    for (let z = min[2]; z < max[2]; z++)
      for (let y = min[1]; y < max[1]; y++) out.push(...em.subarray(at(min[0], y, z), at(max[0], y, z)))
    return Uint8Array.from(out)
  }
  let most = 0
  const host = inferenceHost(pids => (most = Math.max(most, pids.length)), 2)
  onTestFinished(() => host.close())
  const core = { min: [exact, exact, exact], max: [exact + side, exact + side, exact + side] } as const
  // Half of the core from a block that ends in the middle of it, with what the halo takes beyond.
  const half = { min: core.min, max: [exact + side / 2, exact + side, exact + side] } as const
  const [whole, part] = await Promise.all([
    host.infer(request(deps, model, em, [n, n, n], core)),
    host.infer(request(deps, model, crop([0, 0, 0], [n - 8, n, n]), [n - 8, n, n], half)),
  ])
  expect(most).toBe(2)
  const left = whole.filter((_, i) => i % side < side / 2)
  expect(Buffer.compare(left, part)).toBe(0)
  expect(new Set(part).size).toBeGreaterThan(5)
}, 60_000)

test('a map of boundaries: two neighbours belong together as far as both lie inside', async () => {
  const boundaries = await archiveModel(deps, 'models/boundary-map', [4, 4, 50])
  const host = inferenceHost()
  try {
    const [sx, sy, sz]: Vec3 = [6, 5, 4]
    const map = Uint8Array.from({ length: sx * sy * sz }, (_, i) => (i * 97) % 256)
    const whole = { min: [0, 0, 0], max: [sx, sy, sz] } as const
    const found = await host.infer(request(deps, boundaries, map, [sx, sy, sz], whole))
    const lower = [sx * sy, sx, 1].flatMap((step, c) =>
      Array.from(map, (v, i) => {
        const at = [Math.floor(i / (sx * sy)), Math.floor(i / sx) % sy, i % sx][c]!
        return at === 0 ? v : Math.min(v, map[i - step]!)
      }),
    )
    expect([...found]).toEqual(lower)
  } finally {
    host.close()
  }
})

test('a process with nothing to do gives its memory back', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const host = inferenceHost()
  onTestFinished(() => host.close())
  await tryProvider(host.infer)
  vi.advanceTimersByTime(20_000)
  await tryProvider(host.infer)
  vi.advanceTimersByTime(20_000)
  const first = host.pid()
  expect(first).toBeGreaterThan(0)
  vi.advanceTimersByTime(20_000)
  expect(host.pid()).toBeUndefined()
  await tryProvider(host.infer)
  expect(host.pid()).not.toBe(first)
})

test('a provider that is not there is refused', async () => {
  Object.assign(process.env, { HILLOCK_ONNX_PROVIDER: 'cuda', HILLOCK_ONNX_DEVICE: '99' })
  onTestFinished(() => {
    for (const name of ['HILLOCK_ONNX_PROVIDER', 'HILLOCK_ONNX_DEVICE']) delete process.env[name]
  })
  expect(onnxSettings()).toMatchObject({ provider: 'cuda', device: 99, processes: 1 })
  const host = inferenceHost()
  onTestFinished(() => host.close())
  await expect(tryProvider(host.infer)).rejects.toThrow(/cuda/i)
  process.env['HILLOCK_ONNX_PROVIDER'] = 'rocm'
  expect(onnxSettings).toThrow('HILLOCK_ONNX_PROVIDER is rocm, and must be cpu, cuda, tensorrt or webgpu')
})
