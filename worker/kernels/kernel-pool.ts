// The thread pool in which kernels run, so that a worker's main thread never computes.
import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { Piscina } from 'piscina'
import { numberSetting } from '../../domain/settings.ts'
import { isMoved, type Compute } from '../../activities/context.ts'
import { release } from '../../storage/formats/pool.ts'
import { buffersOf } from './buffers.ts'

export interface KernelPool {
  readonly compute: Compute
  readonly threads: number
  close(): Promise<void>
}

// Volumes are buffers beside the heap: by default V8 collects the whole heap whenever some of them have come together.
setFlagsFromString('--external-memory-accounted-in-global-limit')
// Of threads that begin from here on.
setFlagsFromString('--min-semi-space-size=16')
// They collect at so many MiB, volumes included, and not at each small step up to that: a sixth of the CPU of a whole run beside inference.
setFlagsFromString('--initial-heap-size=128')

/** HILLOCK_THREADS threads, by default one per core. Aborting a call ends its thread; the pool starts another. */
export function kernelPool(threads = numberSetting('HILLOCK_THREADS') ?? availableParallelism()): KernelPool {
  const pool = new Piscina({
    filename: new URL('./kernel-thread.ts', import.meta.url).href,
    // Some workers never compute.
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 30_000,
    // Threads are not niced and share nothing: what a kernel yields cannot depend on how many there are.
    atomics: 'disabled',
  })
  const compute: Compute = async ({ name }, args, signal, ticks) => {
    const transferList = [...buffersOf(args)].filter(isMoved)
    const { result, spent } = await pool.run(
      { name, args, ticks },
      signal ? { signal, transferList } : { transferList },
    )
    for (const memory of spent) release(memory)
    return result
  }
  return { compute, threads, close: () => pool.destroy() }
}
