// The models of a run: read and held against its card once, archived by digest, and tried on a block before anything starts.
import { basename } from 'node:path'
import type { RunModel } from '../domain/contract/run.ts'
import { HillockError, isHillockError } from '../domain/errors.ts'
import { outside, parseCard } from '../domain/model-card.ts'
import { AFFINITY, wanted } from '../domain/models.ts'
import { map3, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import { sha256, type Digest } from '../domain/recipe.ts'
import { getRaw, putRaw } from '../storage/raw.ts'
import { inputs, within } from '../storage/foreign/inputs.ts'
import type { Deps, InferenceRequest } from './context.ts'
import { cached } from '../storage/cached.ts'

/** The entry of a tensor that keeps its values in another file (`external_data` of ONNX): key `location`, then the file. */
const ELSEWHERE = Buffer.from('\n\x08location\x12', 'latin1')

const mismatch = (name: string, why: string): HillockError =>
  new HillockError('ModelMismatch', `model ${name}: ${why}`, { model: name })

/** A model as its folder has it. */
export interface Model extends RunModel {
  readonly file: string
  readonly bytes: Uint8Array
}

/** Archives a model, so that nothing that happens to its folder afterwards matters. @throws HillockError ModelMismatch as `readModel` */
export async function archiveModel(deps: Deps, folder: string, voxelSizeNm: Vec3, role = AFFINITY): Promise<RunModel> {
  const { file: _, bytes, ...model } = await readModel(folder, voxelSizeNm, role, inputs(deps.objects))
  await putRaw(deps.objects, bytes)
  return model
}

/** @param folder a path, a URL or content. @throws HillockError ModelMismatch when file and card disagree, or the model does not fit the voxel size */
export async function readModel(folder: string, voxelSizeNm: Vec3, role = AFFINITY, files = inputs()): Promise<Model> {
  const fail = (why: string): HillockError => mismatch(folder, why)
  const read = async (file: string): Promise<Buffer> => {
    const { buffer, byteOffset, byteLength } = await files.read(within(folder, `./${file}`), 'ModelMismatch')
    return Buffer.from(buffer, byteOffset, byteLength)
  }
  const asked = wanted(role)
  const card = parseCard((await read('card.json')).toString(), role, fail)
  const { ranges, output } = card
  if (asked.offsetsZYX) {
    const given = card.offsetsZYX!
    if (JSON.stringify(given.slice(0, asked.offsetsZYX.length)) !== JSON.stringify(asked.offsetsZYX))
      throw fail('card.json: offsetsZYX: its first three channels are not the nearest z, y, x neighbours')
    if (given.length !== output.channels)
      throw fail(`card.json: output.channels is ${output.channels}, but offsetsZYX lists ${given.length}`)
    if (new Set(given.map(String)).size < given.length) throw fail('card.json: offsetsZYX lists an offset twice')
  }
  if (card.voxelSizeNm && outside(card, card.voxelSizeNm) >= 0)
    throw fail(`card.json: voxelSizeNm ${card.voxelSizeNm.join(' x ')} lies outside its own voxelSizeRangeNm`)
  const axis = outside(card, voxelSizeNm)
  if (axis >= 0)
    throw fail(
      `it is for voxels of ${ranges[axis]!.join(' to ')} nm along ${'xyz'[axis]}, the dataset has ${voxelSizeNm.join(' x ')} nm`,
    )
  const bytes = await read(card.file)
  const digest = sha256(bytes)
  if (digest !== card.sha256) throw fail(`${card.file} has sha256 ${digest}, its card says ${card.sha256}`)
  const at = bytes.indexOf(ELSEWHERE)
  if (at >= 0) {
    const name = bytes.subarray(at + ELSEWHERE.length + 1, at + ELSEWHERE.length + 1 + bytes[at + ELSEWHERE.length]!)
    throw fail(
      `${card.file} keeps its weights in another file (${name.toString()}), which its digest does not cover: save it as one file (in Python: onnx.save_model(onnx.load("${card.file}"), "one.onnx", save_as_external_data=False)), and put the sha256 of that into card.json`,
    )
  }
  const { spatialMultipleOf: multipleOf } = card.input
  const model = { name: basename(folder), digest, multipleOf, channels: output.channels }
  return {
    ...model,
    ...((role !== AFFINITY || output.cropped) && { halo: card.halo!.recommended }),
    ...(output.cropped && { cropped: output.cropped }),
    file: within(folder, `./${card.file}`),
    bytes,
  }
}

/** What a model is asked: the weights come from the bucket, where the process does not hold them. */
export const request = (
  deps: Deps,
  model: RunModel,
  em: Uint8Array,
  shape: Vec3,
  core: Box,
  channels = 3,
): InferenceRequest => ({
  digest: model.digest,
  model: () => getRaw(deps.objects, model.digest),
  multipleOf: model.multipleOf,
  outputs: model.channels,
  ...(model.cropped && { cropped: { cropped: model.cropped, halo: model.halo! } }),
  channels,
  em,
  shape,
  core,
})

const tried = new Map<unknown, Promise<Digest>>()
const MODELS = 16

/**
 * Runs the model on a small block; the digest of what it gives tells one way of computing from another (runtime, instruction set).
 * Once per process and model.
 * @throws HillockError ModelMismatch when it does not load, does not run, or gives something else than its card says.
 */
export function tryModel(deps: Deps, model: RunModel): Promise<Digest> {
  const trial = async (): Promise<Digest> => {
    // Unequal sides, so that swapped axes show.
    const shape = map3(a => model.multipleOf * (Math.ceil(32 / model.multipleOf) + a))
    const whole: Box = { min: [0, 0, 0], max: shape }
    const out = await deps.infer({ ...request(deps, model, sample(shape), shape, whole), channels: model.channels })
    const high = out.reduce((m, v) => Math.max(m, v), 0)
    if (out.every(v => v === out[0])) throw mismatch(model.name, `it gives ${out[0]} everywhere, whatever it is shown`)
    if (high <= 1)
      throw mismatch(model.name, `its output goes from 0 to ${high}, but its card says 255 x probability as uint8`)
    return sha256(out)
  }
  const { digest, multipleOf, channels, cropped, halo } = model
  // Whoever asked first may have been cancelled: that is no matter of the others.
  return cached(tried, [digest, multipleOf, channels, cropped, halo].join(), MODELS, trial)
    .catch((e: unknown) => (isHillockError(e, 'ModelMismatch') ? Promise.reject(e) : trial()))
    .catch((e: unknown) => {
      throw isHillockError(e, 'ModelMismatch') && !e.details['model'] ? mismatch(model.name, e.message) : e
    })
}

/** Even grey beside grain of two sizes, x fastest. */
function sample(shape: Vec3): Uint8Array {
  const out = new Uint8Array(voxels({ min: [0, 0, 0], max: shape }))
  const grain = (x: number, y: number, z: number): number =>
    (Math.imul(Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(z, 83492791), 0x9e3779b1) >>> 24) - 128
  for (let z = 0, i = 0; z < shape[2]; z++)
    for (let y = 0; y < shape[1]; y++)
      for (let x = 0; x < shape[0]; x++, i++)
        out[i] = 2 * x < shape[0] ? 150 : 128 + (grain(x >> 3, y >> 3, z >> 3) + grain(x, y, z) / 4) / 2
  return out
}

/**
 * The model as it is used: by a process that gives what the run's own trial gave, since a recipe stands for one result.
 * @throws HillockError ModelMismatch
 */
export async function modelInUse(deps: Deps, model: RunModel): Promise<void> {
  const here = await tryModel(deps, model)
  if (here !== model.sample)
    throw mismatch(
      model.name,
      `this process computes other values with it than the one that tried it for the run (${deps.runtime.onnxruntime}, ${deps.runtime.cpu}): inference workers of one run must be alike`,
    )
}
