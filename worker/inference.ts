// Calls into the inference process, one at a time; one that dies in mid-call is started again and that caller is told to retry.
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

export interface InferenceHost {
  readonly infer: Infer
  /** Process id of the host, once it has been started. */
  pid(): number | undefined
  close(): void
}

const hostFile = fileURLToPath(new URL('./onnx-host.ts', import.meta.url))

/** A second call would only queue inside the native library and double the memory: the first of `calls` runs, the others wait here. */
export function inferenceHost(onStart: (pid: number) => void = () => {}): InferenceHost {
  let host: ChildProcess | undefined
  let running: Call | undefined
  const calls: Call[] = []
  /** Models that the process has answered with, by digest: their bytes are not sent again. */
  const held = new Set<string>()

  /** Ends the call that runs. */
  const end = (settle: (call: Call) => void): void => {
    const call = running
    running = undefined
    if (call) settle(call)
    next()
  }
  const lost = (how: string) => (call: Call) =>
    call.reject(new HillockError('ComputeLost', `the inference process ${how} in the middle of a block`))

  const start = (): ChildProcess => {
    held.clear()
    const child = fork(hostFile, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.on('message', (reply: HostReply) => {
      if (host !== child) return
      const { output, error } = reply
      if (output && running) held.add(running.request.digest)
      end(call => (output ? call.resolve(output) : call.reject(new HillockError(error!.type, error!.message))))
    })
    const gone = (how: string): void => {
      if (host !== child) return
      host = undefined
      end(lost(how))
    }
    child.on('error', e => gone(`failed (${e.message})`))
    child.on('exit', (code, signal) => gone(`ended (${signal ?? code})`))
    if (child.pid) onStart(child.pid)
    return child
  }

  const next = (): void => {
    if (running || calls.length === 0) return
    const call = (running = calls.shift()!)
    const child = (host ??= start())
    const { model, ...request } = call.request
    const load = typeof model === 'string' ? () => readFile(model) : model
    const send = (bytes?: Uint8Array): void => {
      // It may have been cancelled, or the process lost, while the model was fetched.
      if (running === call && host === child) child.send({ request, bytes } satisfies HostCall)
    }
    if (held.has(request.digest)) send()
    else load().then(send, (e: Error) => running === call && end(() => call.reject(e)))
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
        if (running !== call) return
        // A native run cannot be interrupted; the process can.
        const child = host
        host = undefined
        child?.kill('SIGKILL')
        end(() => {})
      })
      calls.push(call)
      next()
    })
  const close = (): void => {
    calls.length = 0
    host?.kill('SIGKILL')
  }
  return { infer, pid: () => host?.pid, close }
}
