// The thread pool in which kernels run, so that a worker's main thread never computes.
import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import { numberSetting } from '../domain/settings.ts'
import type { Compute } from '../activities/context.ts'

export interface KernelPool {
  readonly compute: Compute
  readonly threads: number
  close(): Promise<void>
}

/** HILLOCK_THREADS threads, by default one per core. Aborting a call ends its thread; the pool starts another. */
export function kernelPool(threads = numberSetting('HILLOCK_THREADS') ?? availableParallelism()): KernelPool {
  const pool = new Piscina({
    filename: new URL('./kernel-thread.ts', import.meta.url).href,
    minThreads: 1,
    maxThreads: threads,
    idleTimeout: 30_000,
    // Threads are not niced and share nothing: what a kernel yields cannot depend on how many there are.
    atomics: 'disabled',
  })
  const compute: Compute = ({ name }, args, signal, ticks) => pool.run({ name, args, ticks }, signal ? { signal } : {})
  return { compute, threads, close: () => pool.destroy() }
}
