// The scores of a segmentation do not depend on the regions that hold it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { segmentationVolume } from '../../activities/cells.ts'
import type { Deps } from '../../activities/context.ts'
import { scoreSegmentation, type Scored } from '../../activities/quality/segmentation-score.ts'
import { truthFile } from '../../activities/quality/truth.ts'
import { boxAt, cellBox, fromKey, shapeOf, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import { sha256 } from '../../domain/recipe.ts'
import { writeNpy } from '../../storage/formats/npy.ts'
import { encodeChunks } from '../../storage/formats/volume.ts'
import { freshFolder } from '../storage/fixtures.ts'

const bounds = boxAt([0, 0, 0], [280, 36, 20])
/** Neurites along x, which the segmentation cuts and merges here and there. */
const object = (_: number, y: number, z: number): number => 1 + Math.floor(y / 12) + 3 * Math.floor(z / 10)
const segment = (x: number, y: number, z: number): number => {
  const of = object(x, y, z)
  return of === 3 ? 0 : of === 6 && x > 130 ? 7 : of === 2 && x > 200 ? 20 : of
}

function volume(box: Box, at: typeof object): BigUint64Array<ArrayBuffer> {
  const out = new BigUint64Array(voxels(box))
  let i = 0
  for (let z = box.min[2]; z < box.max[2]; z++)
    for (let y = box.min[1]; y < box.max[1]; y++)
      for (let x = box.min[0]; x < box.max[0]; x++) out[i++] = BigInt(at(x, y, z))
  return out
}

test('whatever the regions, and with true skeletons of several boxes', async () => {
  const file = join(await freshFolder(), 'truth.npy')
  writeFileSync(file, writeNpy(volume(bounds, object), shapeOf(bounds).toReversed()))
  const truth = await truthFile(file)
  const scored = async (region: Vec3, wanted: Box): Promise<Scored> => {
    const open = async ({ recipe }: { recipe: string }) => {
      const box = cellBox(fromKey(recipe), region, bounds)
      const chunks = [...encodeChunks(volume(box, segment), box, { mip: 0, encoding: segmentationVolume.encoding })]
      return { get: async (path: string) => chunks.find(c => c.path === path)!.bytes }
    }
    const compute = async (kernel: (...args: unknown[]) => unknown, args: unknown[]) => kernel(...args)
    const deps = { compute, artifacts: { open } } as unknown as Deps
    const refOf = async (cell: string) => ({ stage: 'segment' as const, recipe: cell, content: sha256(cell) })
    const at = { bounds, region, voxelSizeNm: [20, 20, 20] as Vec3 }
    return scoreSegmentation(deps, at, refOf, refOf, truth, wanted)
  }
  const wanted: Box = { min: [5, 3, 1], max: [279, 36, 18] }
  const whole = await scored([512, 64, 64], wanted)
  expect(await scored([64, 64, 64], wanted)).toEqual(whole)
  expect(whole.quality.nerl).toBeGreaterThan(0.5)
  expect(whole.quality.nerl).toBeLessThan(0.9)
  // Objects are as long as what is scored.
  expect(whole.quality.erlUm! / whole.quality.nerl!).toBeGreaterThan(3)
})
