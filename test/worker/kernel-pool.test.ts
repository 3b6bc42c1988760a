// The kernel pool: a kernel that runs long shows that it is alive, and one that is cancelled takes no other with it.
import { setImmediate } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { agglomerate, type AgglomerateRequest } from '../../kernels/segmentation/agglomerate.ts'
import { downsampleMean } from '../../kernels/downsample.ts'
import { hilbertOrder } from '../../kernels/hilbert.ts'
import { moved } from '../../activities/context.ts'
import { pooledVolume, release } from '../../storage/formats/pool.ts'
import { kernelPool } from '../../worker/kernels/kernel-pool.ts'

const pool = kernelPool(2)
afterAll(() => pool.close())

/** A chain of supervoxels that all merge. */
function chain(n: number): AgglomerateRequest {
  const id = BigUint64Array.from({ length: n }, (_, i) => BigInt(i + 1))
  const ones = new Float64Array(n - 1).fill(1)
  return {
    nodes: { id, size: new Float64Array(n).fill(1), faces: new Uint8Array(n) },
    edges: {
      a: id.slice(0, -1),
      b: id.slice(1),
      sum: ones.map(() => 255),
      count: ones,
      threshold: ones.map(() => 0.5),
    },
    openFaces: 0,
  }
}
const counter = (): Int32Array => new Int32Array(new SharedArrayBuffer(4))

test('signs of life are seen while a kernel runs, each of its own', async () => {
  const [busy, idle] = [counter(), counter()]
  let ended = false
  const work = pool.compute(agglomerate, [chain(200_000)], undefined, busy).finally(() => (ended = true))
  const seen = new Set<number>()
  while (!ended) {
    seen.add(Atomics.load(busy, 0))
    await setImmediate()
  }
  expect((await work).merges.from.length).toBe(199_999)
  expect(seen.size).toBeGreaterThan(2)
  expect(Atomics.load(busy, 0)).toBe(199_999)
  await pool.compute(hilbertOrder, [[]] as never, undefined, idle).catch(() => {})
  expect([Atomics.load(idle, 0), Atomics.load(busy, 0)]).toEqual([0, 199_999])
})

test('memory that a kernel is done with serves the next volume, and whoever still looks at it sees nothing', async () => {
  const data = new Uint8Array(2 ** 20).fill(7)
  await pool.compute(downsampleMean, [moved(data), [1024, 1024, 1], [2, 2, 1]])
  expect(data.length).toBe(0)
  const next = pooledVolume('uint16', 2 ** 19, false)
  expect(next.every(v => v === 0x0707)).toBe(true)
  release(next.buffer)
  expect(next.length).toBe(0)
  expect(pooledVolume('uint8', 2 ** 20 - 9, true).every(v => v === 0)).toBe(true)
})

test('memory that is more than the pool holds leaves what waits there alone', () => {
  release(new Uint8Array(3 * 2 ** 20).fill(7).buffer)
  release(new ArrayBuffer(2 ** 27 + 1))
  expect(pooledVolume('uint8', 3 * 2 ** 20, false).every(v => v === 7)).toBe(true)
})

test('of two kernels one is cancelled, the other ends', async () => {
  const cancel = new AbortController()
  const lost = pool.compute(agglomerate, [chain(200_000)], cancel.signal)
  const kept = pool.compute(agglomerate, [chain(1000)])
  cancel.abort()
  await expect(lost).rejects.toMatchObject({ name: 'AbortError' })
  expect((await kept).merges.from.length).toBe(999)
})
