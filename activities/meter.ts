// Where the time of an activity goes: kernels, inference, object store; and how much of its work is done.
import { AsyncLocalStorage } from 'node:async_hooks'
import { openSync, writeSync } from 'node:fs'
import { trace as traces } from '@opentelemetry/api'
import { setting } from '../domain/settings.ts'
import { around } from '../storage/stores/around.ts'
import type { Digest } from '../domain/recipe.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Request } from '../storage/stores/observed-store.ts'
import type { Compute, Infer } from './context.ts'

export type Kind = 'kernel' | 'inference' | 'io'

/** Seconds in which at least one call of a kind was under way: calls side by side count once. */
export class Meter {
  readonly seconds: Record<Kind, number> = { kernel: 0, inference: 0, io: 0 }
  private readonly open: Record<Kind, number> = { kernel: 0, inference: 0, io: 0 }
  private readonly since: Record<Kind, number> = { kernel: 0, inference: 0, io: 0 }

  begin(kind: Kind, now: number): void {
    if (this.open[kind]++ === 0) this.since[kind] = now
  }

  end(kind: Kind, now: number): void {
    if (--this.open[kind] === 0) this.seconds[kind] += (now - this.since[kind]) / 1000
  }
}

/** A part of an activity's work that is done, as its heartbeats tell the next attempt: enough to know the outputs again. */
export interface Finished {
  readonly digest: Digest
  /** What the work has counted in it. */
  readonly count: number
}

/** What the heartbeat of the running activity reports. */
export interface Beat {
  stage: string
  done: number
  total: number
  /** Moves with every sign of life. */
  ticks: number
  /** Signs of life of the kernels that are running. */
  readonly kernels: Set<Int32Array>
  /** By name, those of earlier attempts included. */
  readonly finished: Record<string, Finished>
  /** What the bucket said to the last request, where it did not do as asked. */
  waits?: string | undefined
  /** Requests to the object store, by `operation prefix`; those that failed, those of them that were throttled, and bytes with that word before. */
  readonly requests: Record<string, number>
}

/** @param finished parts that earlier attempts have finished */
export const newBeat = (stage: string, finished: Beat['finished']): Beat => ({
  stage,
  done: 0,
  total: 0,
  ticks: 0,
  kernels: new Set(),
  requests: {},
  finished: { ...finished },
})

const meters = new AsyncLocalStorage<Meter>()
export const beats = new AsyncLocalStorage<Beat>()

/** Runs `work` with its time booked on `meter`. */
export const metered = <T>(meter: Meter, work: () => Promise<T>): Promise<T> => meters.run(meter, work)

export function progress(done: number, total: number): void {
  const beat = beats.getStore()
  if (beat) Object.assign(beat, { done, total, ticks: beat.ticks + 1 })
}

/** The parts that are done, for the work to add to. */
export const finishedParts = (): Record<string, Finished> => beats.getStore()?.finished ?? {}

/** A file that benchmarks read; kept open, so that measuring costs little of what is measured. */
const traceFile = setting('HILLOCK_TRACE')
const trace = traceFile === undefined ? undefined : openSync(traceFile, 'a')

/** Elements of the longest typed array among the arguments of a kernel: voxels, mostly. */
function largest(value: unknown): number {
  if (ArrayBuffer.isView(value)) return (value as Uint8Array).length
  if (value === null || typeof value !== 'object') return 0
  return Object.values(value).reduce<number>((most, v) => Math.max(most, largest(v)), 0)
}

/** Of OpenTelemetry, where a collector is configured; else it does nothing. */
const tracer = traces.getTracer('hillock')

/** Requests are too many for spans of their own. */
const timed = <T>(kind: Kind, name: string, work: () => Promise<T>, elements = 0): Promise<T> =>
  kind === 'io'
    ? booked(kind, name, work, elements)
    : tracer.startActiveSpan(`${kind} ${name}`, span => booked(kind, name, work, elements).finally(() => span.end()))

async function booked<T>(kind: Kind, name: string, work: () => Promise<T>, elements: number): Promise<T> {
  const start = performance.now()
  const meter = meters.getStore()
  meter?.begin(kind, start)
  try {
    return await work()
  } finally {
    const end = performance.now()
    meter?.end(kind, end)
    const beat = beats.getStore()
    if (beat) beat.ticks++
    // Spans on the machine's clock, for the benchmark that says what part of the wall time was neither.
    if (trace !== undefined) {
      const origin = performance.timeOrigin
      writeSync(trace, `${JSON.stringify({ kind, name, elements, start: origin + start, end: origin + end })}\n`)
    }
  }
}

/** Counts a request for the attempt that it is made for; `openStore` tells of them. */
export function countRequest({ operation, prefix, bytes, ms, ended, why }: Request): void {
  const beat = beats.getStore()
  if (!beat) return
  // A bucket that is waited for is a sign of life.
  beat.ticks++
  beat.waits = why
  const add = (what: string, n: number): void => {
    if (n > 0)
      beat.requests[`${what}${operation} ${prefix}`] = (beat.requests[`${what}${operation} ${prefix}`] ?? 0) + n
  }
  add('', 1)
  add('bytes ', bytes)
  add('ms ', Math.round(ms))
  add('failed ', ended === 'well' ? 0 : 1)
  add('throttled ', ended === 'throttled' ? 1 : 0)
}

/** The time of requests, with all that they wait for. */
export const meteredStore = (store: ObjectStore): ObjectStore =>
  around(store, (operation, _key, work) => timed('io', operation, work))

/** Signs of life so far; a heartbeat is sent only while there are more. */
export const lifeOf = ({ ticks, kernels }: Beat): number =>
  [...kernels].reduce((n, counter) => n + Atomics.load(counter, 0), ticks)

export const meteredCompute =
  (compute: Compute): Compute =>
  (kernel, args, signal) => {
    const ticks = new Int32Array(new SharedArrayBuffer(4))
    const beat = beats.getStore()
    beat?.kernels.add(ticks)
    const work = () => compute(kernel, args, signal, ticks)
    return timed('kernel', kernel.name, work, trace === undefined ? 0 : largest(args)).finally(() => {
      if (beat?.kernels.delete(ticks)) beat.ticks += Atomics.load(ticks, 0)
    })
  }

export const meteredInfer =
  (infer: Infer): Infer =>
  (request, signal) =>
    timed('inference', 'onnx', () => infer(request, signal), request.em.length)

/** Work on this thread that is a kernel or an encoder all the same, such as reading an image. */
export const timedKernel = <T>(name: string, work: () => Promise<T>): Promise<T> => timed('kernel', name, work)
