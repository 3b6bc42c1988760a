// Signs of life of an activity: what its kernels count while they run, and what they have counted when they have ended.
import { expect, test } from 'vitest'
import type { Compute } from '../../activities/context.ts'
import { beats, lifeOf, meteredCompute, newBeat } from '../../activities/meter.ts'

test('a kernel that counts keeps its activity alive, one that does not count does not', async () => {
  const beat = newBeat('agglomerate', {})
  const running: { ticks: Int32Array; end: () => void }[] = []
  const compute = meteredCompute(
    ((_kernel, _args, _signal, ticks) => new Promise<void>(end => running.push({ ticks: ticks!, end }))) as Compute,
  )
  const [busy, still] = [1, 2].map(() => beats.run(beat, () => compute(() => {}, [])))
  const before = lifeOf(beat)
  expect(lifeOf(beat)).toBe(before)
  Atomics.add(running[0]!.ticks, 0, 3)
  expect(lifeOf(beat)).toBe(before + 3)
  for (const r of running) r.end()
  await Promise.all([busy, still])
  // Each call that has ended is a sign of life itself.
  expect(lifeOf(beat)).toBe(before + 3 + 2)
  expect(beat.kernels.size).toBe(0)
})
