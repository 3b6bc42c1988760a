// Calls into the inference processes, one at a time each; one that dies in mid-call is started again and that caller is told to retry.
import { fork, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { HillockError } from '../domain/errors.ts'
import type { Infer, InferenceRequest } from '../activities/context.ts'
import type { HostCall, HostReply } from './onnx-host.ts'

interface Call {
  readonly request: InferenceRequest
  resolve(output: Uint8Array<ArrayBuffer>): void
  reject(error: Error): void
}

/** A process, and the call that it runs. */
interface Host {
  readonly child: ChildProcess
  /** Models that it has answered with, by digest: their bytes are not sent again. */
  readonly models: Set<string>
  running: Call | undefined
  idle?: NodeJS.Timeout
}

export interface InferenceHost {
  readonly infer: Infer
  /** Process id of a host, once it has been started. */
  pid(): number | undefined
  close(): void
}

const hostFile = fileURLToPath(new URL('./onnx-host.ts', import.meta.url))
/** A process that has nothing to do for so long is ended: it would keep the memory of its largest block. */
const IDLE_MS = 30_000
/**
 * For glibc: what is freed is kept for the next block. To give gigabytes back to the system and take them again costs a seventh of
 * the time, and an arena of ONNX Runtime's own takes twice the memory.
 */
const KEEP_MEMORY = 'glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1099511627776'

/** @param most processes at a time. @param onChange which there are, whenever others are */
export function inferenceHost(onChange: (pids: readonly number[]) => void = () => {}, most = 1): InferenceHost {
  const hosts: Host[] = []
  const calls: Call[] = []
  const pids = (): number[] => hosts.flatMap(h => h.child.pid ?? [])

  /** Ends the call that `host` runs. */
  const end = (host: Host, settle: (call: Call) => void): void => {
    const call = host.running
    host.running = undefined
    if (call) settle(call)
    host.idle = setTimeout(() => drop(host), IDLE_MS).unref()
    next()
  }

  /** From here on nothing is expected of it. */
  const forget = (host: Host): boolean => {
    const at = hosts.indexOf(host)
    if (at < 0) return false
    hosts.splice(at, 1)
    clearTimeout(host.idle)
    onChange(pids())
    return true
  }
  // A native run cannot be interrupted; the process can.
  const drop = (host: Host): void => {
    if (forget(host)) host.child.kill('SIGKILL')
  }

  const start = (): Host => {
    const child = fork(hostFile, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { GLIBC_TUNABLES: KEEP_MEMORY, ...process.env },
    })
    const host: Host = { child, models: new Set(), running: undefined }
    child.on('message', ({ output, error }: HostReply) => {
      if (!hosts.includes(host)) return
      if (output && host.running) host.models.add(host.running.request.digest)
      end(host, call => (output ? call.resolve(output) : call.reject(new HillockError(error!.type, error!.message))))
    })
    const gone = (how: string): void => {
      if (!forget(host)) return
      host.running?.reject(new HillockError('ComputeLost', `the inference process ${how} in the middle of a block`))
      next()
    }
    child.on('error', e => gone(`failed (${e.message})`))
    child.on('exit', (code, signal) => gone(`ended (${signal ?? code})`))
    hosts.push(host)
    onChange(pids())
    return host
  }

  const next = (): void => {
    if (calls.length === 0) return
    const host = hosts.find(h => !h.running) ?? (hosts.length < most ? start() : undefined)
    if (!host) return
    clearTimeout(host.idle)
    const call = (host.running = calls.shift()!)
    const { model, ...request } = call.request
    const load = typeof model === 'string' ? () => readFile(model) : model
    const send = (bytes?: Uint8Array): void => {
      // It may have been cancelled, or the process lost, while the model was fetched.
      if (host.running === call && hosts.includes(host)) host.child.send({ request, bytes } satisfies HostCall)
    }
    if (host.models.has(request.digest)) send()
    else load().then(send, (e: Error) => host.running === call && end(host, () => call.reject(e)))
  }

  const infer: Infer = (request, signal) =>
    new Promise((resolve, reject) => {
      const call: Call = { request, resolve, reject }
      const why = (): Error => (signal?.reason instanceof Error ? signal.reason : new Error('aborted'))
      if (signal?.aborted) return reject(why())
      signal?.addEventListener('abort', () => {
        const at = calls.indexOf(call)
        if (at >= 0) calls.splice(at, 1)
        reject(why())
        const host = hosts.find(h => h.running === call)
        if (host) drop(host)
        next()
      })
      calls.push(call)
      next()
    })
  const close = (): void => {
    calls.length = 0
    for (const host of hosts.slice()) drop(host)
  }
  return { infer, pid: () => pids()[0], close }
}
