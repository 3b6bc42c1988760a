// The inference process: holds ONNX sessions, because `run` blocks its event loop and must be safe to kill.
import * as ort from 'onnxruntime-node'
import { HillockError, isHillockError } from '../domain/errors.ts'
import { map3, translate, type Box, type Vec3 } from '../domain/geometry.ts'
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

/**
 * What lies in `box`, which goes on at its high sides until every axis is a multiple of `m`, reflected where that is beyond the data;
 * the data itself where it is the same.
 */
export function padHigh(
  data: Uint8Array,
  [sx, sy, sz]: Vec3,
  m: number,
  { min, max }: Box = { min: [0, 0, 0], max: [sx, sy, sz] },
): { data: Uint8Array; shape: Vec3 } {
  const shape = map3(a => Math.ceil((max[a] - min[a]) / m) * m)
  const [px, py, pz] = shape
  if (px === sx && py === sy && pz === sz && min.every(v => v === 0)) return { data, shape }
  const reflect = (i: number, n: number): number =>
    i < 0 ? Math.min(n - 1, -i) : i < n ? i : Math.max(0, 2 * n - 2 - i)
  const out = new Uint8Array(px * py * pz)
  const [first, last] = [Math.max(0, min[0]), Math.min(sx, min[0] + px)]
  for (let z = 0; z < pz; z++)
    for (let y = 0; y < py; y++) {
      const from = sx * (reflect(min[1] + y, sy) + sy * reflect(min[2] + z, sz))
      const to = px * (y + py * z) - min[0]
      out.set(data.subarray(from + first, from + last), to + first)
      for (let x = min[0]; x < first; x++) out[to + x] = data[from + reflect(x, sx)]!
      for (let x = last; x < min[0] + px; x++) out[to + x] = data[from + reflect(x, sx)]!
    }
  return { data: out, shape }
}

async function infer(r: HostCall['request'], bytes: HostCall['bytes']): Promise<Uint8Array<ArrayBuffer>> {
  const s = await session(r.digest, bytes)
  const { cropped, halo } = r.cropped ?? { cropped: 0, halo: 0 }
  const input: Box = r.cropped
    ? { min: map3(a => r.core.min[a] - halo), max: map3(a => r.core.max[a] + halo) }
    : { min: [0, 0, 0], max: r.shape }
  const { data, shape } = padHigh(r.em, r.shape, r.multipleOf, input)
  const dims = [1, 1, ...shape.toReversed()]
  const made = map3(a => shape[a] - 2 * cropped)
  const run = async (input: Uint8Array): Promise<Uint8Array> => {
    const result = await ofModel(
      `it does not run on an input of ${dims.join(' x ')}`,
      s.run({ [s.inputNames[0]!]: new ort.Tensor('uint8', input, dims) }),
    )
    const given = result[s.outputNames[0]!]!
    const channels = r.outputs ?? given.dims[1]
    const [is, wanted] = [
      `${given.type} ${given.dims.join(' x ')}`,
      `uint8 ${[1, channels, ...made.toReversed()].join(' x ')}`,
    ]
    if (is !== wanted)
      throw new HillockError(
        'ModelMismatch',
        `of an input of ${dims.join(' x ')} it gives ${is}, by its card ${wanted}`,
      )
    return given.data as Uint8Array
  }
  const start = map3(a => -input.min[a] - cropped)
  const core = translate(r.core, start)
  const out = crop(await run(data), made, core, r.channels)
  const lowest = map3(a => Math.max(0, start[a]))
  return r.flips ? overFlips(data, shape, core, r.flips, out, run, made, lowest) : out
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
