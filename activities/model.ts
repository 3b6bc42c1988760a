// The model of a run: its card says what it is, its digest enters every recipe that uses it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { HillockError } from '../domain/errors.ts'
import type { Vec3 } from '../domain/geometry.ts'
import { Digest, sha256 } from '../domain/recipe.ts'

const Card = z.object({
  name: z.string(),
  file: z.string(),
  sha256: Digest,
  input: z.object({ type: z.literal('uint8'), channels: z.literal(1), spatialMultipleOf: z.number().int().positive() }),
  output: z.object({ type: z.literal('uint8'), channels: z.number().int().min(3) }),
  offsetsZYX: z.array(z.tuple([z.number(), z.number(), z.number()])),
  voxelSizeRangeNm: z.tuple([z.number(), z.number()]),
})

export interface Model {
  readonly file: string
  readonly bytes: Uint8Array
  readonly digest: Digest
  readonly multipleOf: number
}

/** Nearest neighbours along z, y, x: the channels that the watershed reads. */
const NEAREST = JSON.stringify([
  [-1, 0, 0],
  [0, -1, 0],
  [0, 0, -1],
])

/** @throws HillockError ModelMismatch when file and card disagree, or the model does not fit the voxel size. */
export async function readModel(folder: string, voxelSizeNm: Vec3): Promise<Model> {
  const mismatch = (why: string): HillockError => new HillockError('ModelMismatch', `model ${folder}: ${why}`)
  const cardFile = join(folder, 'card.json')
  const parsed = Card.safeParse(
    JSON.parse(
      await readFile(cardFile, 'utf8').catch(() => {
        throw mismatch('there is no card.json')
      }),
    ),
  )
  if (!parsed.success)
    throw mismatch(`card.json: ${parsed.error.issues[0]!.path.join('.')}: ${parsed.error.issues[0]!.message}`)
  const card = parsed.data
  const file = join(folder, card.file)
  const bytes = await readFile(file)
  const digest = sha256(bytes)
  if (digest !== card.sha256) throw mismatch(`${card.file} has sha256 ${digest}, its card says ${card.sha256}`)
  if (JSON.stringify(card.offsetsZYX.slice(0, 3)) !== NEAREST)
    throw mismatch('its first three channels are not the nearest z, y, x neighbours')
  const [low, high] = card.voxelSizeRangeNm
  if (voxelSizeNm.some(v => v < low || v > high))
    throw mismatch(`it is for voxels of ${low} to ${high} nm, the dataset has ${voxelSizeNm.join(' x ')} nm`)
  return { file, bytes, digest, multipleOf: card.input.spatialMultipleOf }
}
