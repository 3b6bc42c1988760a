// Calls into the inference process; one that dies in mid-call is started again and the caller is told to retry.
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { HillockError } from '../domain/errors.ts'
import type { Infer } from '../activities/context.ts'
import type { HostReply } from './onnx-host.ts'

interface Waiting {
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

export function inferenceHost(onStart: (pid: number) => void = () => {}): InferenceHost {
  let child: ChildProcess | undefined
  let next = 0
  const waiting = new Map<number, Waiting>()

  const start = (): ChildProcess => {
    const host = fork(hostFile, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    host.on('message', (reply: HostReply) => {
      const call = waiting.get(reply.id)
      waiting.delete(reply.id)
      if (reply.output) call?.resolve(reply.output)
      else call?.reject(new HillockError(reply.error!.type, reply.error!.message))
    })
    host.on('exit', (code, signal) => {
      if (child === host) child = undefined
      for (const call of waiting.values())
        call.reject(
          new HillockError('ComputeLost', `the inference process ended (${signal ?? code}) in the middle of a block`),
        )
      waiting.clear()
    })
    if (host.pid) onStart(host.pid)
    return host
  }

  const infer: Infer = (request, signal) =>
    new Promise((resolve, reject) => {
      child ??= start()
      const id = next++
      waiting.set(id, { resolve, reject })
      signal?.addEventListener('abort', () => {
        if (!waiting.delete(id)) return
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
        // A native run cannot be interrupted; the process can.
        child?.kill('SIGKILL')
      })
      child.send({ id, request }, e => {
        if (e && waiting.delete(id))
          reject(new HillockError('ComputeLost', `the inference process is gone: ${e.message}`))
      })
    })
  return { infer, pid: () => child?.pid, close: () => child?.kill('SIGKILL') }
}
