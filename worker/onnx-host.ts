// The inference process: holds ONNX sessions, because `run` blocks its event loop and must be safe to kill.
import * as ort from 'onnxruntime-node'
import { HillockError, isHillockError } from '../domain/errors.ts'
import { crop, overFlips } from './onnx/flips.ts'
import { onnxSettings } from './onnx/onnx-settings.ts'
import type { InferenceRequest } from '../activities/context.ts'

export interface HostCall {
  readonly request: Omit<InferenceRequest, 'model'>
  /** The ONNX file, as long as the model has not answered yet. */
  readonly bytes: Uint8Array | undefined
}

export interface HostReply {
  readonly output?: Uint8Array<ArrayBuffer>
  readonly error?: { readonly type: 'ModelMismatch' | 'ComputeLost'; readonly message: string }
}

const sessions = new Map<string, Promise<ort.InferenceSession>>()
const { provider, device, threads } = onnxSettings()

/** The same again may go well: memory was short. All else that ONNX Runtime complains of is the model's. */
const OF_MEMORY = /alloc|memory/i

/** What `work` fails with, said of the model. @throws HillockError ModelMismatch, ComputeLost */
const ofModel = <T>(what: string, work: Promise<T>): Promise<T> =>
  work.catch((e: Error) => {
    throw new HillockError(OF_MEMORY.test(e.message) ? 'ComputeLost' : 'ModelMismatch', `${what}: ${e.message}`)
  })

function session(digest: string, bytes: Uint8Array | undefined): Promise<ort.InferenceSession> {
  const open = sessions.get(digest)
  if (open) return open
  if (!bytes) throw new HillockError('ComputeLost', `the inference process does not hold model ${digest}`)
  const made = ofModel(
    'it does not load',
    ort.InferenceSession.create(bytes, {
      executionProviders: [{ name: provider, ...(device !== undefined && { deviceId: device }) }],
      intraOpNumThreads: threads,
      // The process keeps its memory between blocks anyway (worker/inference.ts); an arena keeps twice as much.
      enableCpuMemArena: false,
    }),
  )
  sessions.set(digest, made)
  made.catch(() => sessions.delete(digest))
  return made
}

/** Reflects the high sides until every axis is a multiple of `m`; returns the input itself where it already is. */
export function padHigh(
  data: Uint8Array,
  [sx, sy, sz]: readonly [number, number, number],
  m: number,
): { data: Uint8Array; shape: [number, number, number] } {
  const up = (n: number): number => Math.ceil(n / m) * m
  const [px, py, pz] = [up(sx), up(sy), up(sz)]
  if (px === sx && py === sy && pz === sz) return { data, shape: [px, py, pz] }
  const reflect = (i: number, n: number): number => (i < n ? i : Math.max(0, 2 * n - 2 - i))
  const out = new Uint8Array(px * py * pz)
  for (let z = 0; z < pz; z++)
    for (let y = 0; y < py; y++) {
      const from = sx * (reflect(y, sy) + sy * reflect(z, sz))
      const to = px * (y + py * z)
      out.set(data.subarray(from, from + sx), to)
      for (let x = sx; x < px; x++) out[to + x] = data[from + reflect(x, sx)]!
    }
  return { data: out, shape: [px, py, pz] }
}

async function infer(r: HostCall['request'], bytes: HostCall['bytes']): Promise<Uint8Array<ArrayBuffer>> {
  const s = await session(r.digest, bytes)
  const { data, shape } = padHigh(r.em, r.shape, r.multipleOf)
  const [px, py, pz] = shape
  const dims = [1, 1, pz, py, px]
  const run = async (input: Uint8Array): Promise<Uint8Array> => {
    const result = await ofModel(
      `it does not run on an input of ${dims.join(' x ')}`,
      s.run({ [s.inputNames[0]!]: new ort.Tensor('uint8', input, dims) }),
    )
    const given = result[s.outputNames[0]!]!
    const channels = r.outputs ?? given.dims[1]
    const [is, wanted] = [`${given.type} ${given.dims.join(' x ')}`, `uint8 ${[1, channels, pz, py, px].join(' x ')}`]
    if (is !== wanted)
      throw new HillockError(
        'ModelMismatch',
        `of an input of ${dims.join(' x ')} it gives ${is}, by its card ${wanted}`,
      )
    return given.data as Uint8Array
  }
  const out = crop(await run(data), shape, r.core, r.channels)
  return r.flips ? overFlips(data, shape, r.core, r.flips, out, run) : out
}

if (process.send) {
  process.on('message', ({ request, bytes }: HostCall) => {
    infer(request, bytes).then(
      output => process.send!({ output } satisfies HostReply),
      (e: Error) => {
        const type = isHillockError(e, 'ModelMismatch') ? 'ModelMismatch' : 'ComputeLost'
        process.send!({ error: { type, message: e.message } } satisfies HostReply)
      },
    )
  })
  process.on('disconnect', () => process.exit(0))
  // Where a whole group is told to end the worker ends it, once it has given back what runs here.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {})
}
