// Which affinity model a run file gets that names none: by the voxels it is for, then by version; never a formula, and no other role's.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { affinityModelFor, withAffinityModel } from '../../client/affinity-model.ts'
import { readRunFile } from '../../client/run-file.ts'
import { parseRunConfig } from '../../domain/config.ts'
import { modelFolder, onnx, type Card } from '../onnx.ts'
import { freshFolder } from '../storage/fixtures.ts'

const sections = { voxelSizeNm: [6, 6, 40], voxelSizeRangeNm: [[4, 8], [4, 8], [30, 50]] } // prettier-ignore
const cards: Record<string, (card: Card) => void> = {
  fib: c => Object.assign(c, { version: '9' }),
  'fib-10': c => Object.assign(c, { version: '10' }),
  'fib-10-again': c => Object.assign(c, { version: '10' }),
  'sections-1': c => Object.assign(c, sections, { version: 1 }),
  // A card that export.py writes has more, and this one neither offsets nor affinities.
  synapse: c => Object.assign(c, { version: '99', offsetsZYX: undefined }),
  'boundary-map': c => Object.assign(c, { version: '99', voxelSizeNm: undefined, voxelSizeRangeNm: [1, 1000] }),
}

async function checkout(): Promise<string> {
  const root = await freshFolder()
  for (const [name, change] of Object.entries(cards)) modelFolder(join(root, 'models', name), onnx.right(), change)
  mkdirSync(join(root, 'models/train'))
  return root
}

const configOf = (voxelSizeNm: readonly number[], more: object = {}) =>
  parseRunConfig({ dataset: 'd', voxelSizeNm, source: { phantom: {} }, ...more }, 'run.yaml')

test.each([
  [[10, 10, 10], 'fib-10'],
  [[8, 12, 8], 'fib-10'],
  [[4, 4, 30], 'sections-1'],
  [[8, 8, 12.1], undefined],
  [[8, 8, 29], undefined],
])('voxels of %j: %s', async (voxelSizeNm, name) => {
  const root = await checkout()
  const found = name && join(root, 'models', name)
  expect(affinityModelFor(configOf(voxelSizeNm), root)).toBe(found)
  if (found) expect(withAffinityModel(configOf(voxelSizeNm), root).model).toBe(found)
  else
    expect(() => withAffinityModel(configOf(voxelSizeNm), root)).toThrow(
      `none of the checkout is for voxels of ${voxelSizeNm.join(' x ')} nm: models/fib is for 8 to 12 x 8 to 12 x 8 to 12 nm, models/fib-10 is`,
    )
})

test('what names its model keeps it, and what ends with the images needs none', async () => {
  const root = await checkout()
  for (const more of [{ model: 'mine' }, { through: 'render' }]) {
    const config = configOf([67, 67, 200], more)
    expect(withAffinityModel(config, root)).toBe(config)
  }
})

test('a wrong card of the checkout is named', async () => {
  const root = await checkout()
  modelFolder(join(root, 'models/mine'), onnx.right(), c => Object.assign(c, { voxelSizeRangeNm: [12, 8] }))
  expect(() => affinityModelFor(configOf([10, 10, 10]), root)).toThrow('models/mine: card.json: voxelSizeRangeNm')
})

test('a run file that is read has the model of its voxels, and one that none is for can still be read', async () => {
  const file = join(await freshFolder(), 'run.yaml')
  const read = (voxelSizeNm: readonly number[]) => {
    writeFileSync(file, JSON.stringify({ dataset: 'd', voxelSizeNm, source: { phantom: {} } }))
    return readRunFile(file).model
  }
  expect(read([10, 10, 10])).toBe(affinityModelFor({ voxelSizeNm: [10, 10, 10] }))
  expect(read([10, 10, 10])).toMatch(/\/models\/[^/]+$/)
  expect(read([67, 67, 200])).toBeUndefined()
})
