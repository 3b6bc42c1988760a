// Run files: what is wrong is named by its path, and nothing half-valid gets through.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseRunConfig, setPath } from '../../domain/config.ts'
import { isHillockError } from '../../domain/errors.ts'
import { blockOf } from '../../domain/models.ts'

const demo = (): Record<string, any> => parse(readFileSync('examples/demo.yaml', 'utf8'))
const complaint = (raw: unknown): string => {
  try {
    parseRunConfig(raw, 'run.yaml')
  } catch (e) {
    if (isHillockError(e, 'ConfigError')) return e.message
    throw e
  }
  return ''
}

describe('a run file', () => {
  test('a place in a list is a number', () => {
    const tree = { voxelSizeNm: [8, 8, 40] }
    setPath(tree, 'voxelSizeNm.2', 30)
    setPath(tree, 'constructor.x', 1)
    expect(tree).toMatchObject({ voxelSizeNm: [8, 8, 30], constructor: { x: 1 } })
    for (const name of ['x', 'length', '-1'])
      expect(() => setPath(tree, `voxelSizeNm.${name}`, 7), name).toThrow(/voxelSizeNm is a list/)
  })

  test('every example is valid', () => {
    for (const file of readdirSync('examples').filter(f => f.endsWith('.yaml')))
      expect(() => parseRunConfig(parse(readFileSync(`examples/${file}`, 'utf8')), file)).not.toThrow()
  })

  test('the demo is valid, and its defaults are filled in', () => {
    const config = parseRunConfig(demo(), 'run.yaml')
    expect(config.stages.agglomerate.threshold).toBeGreaterThan(0)
    expect(blockOf(config, 'affinity')).toEqual(config.grid.block)
    const large = parseRunConfig({ ...demo(), grid: { region: [256, 512, 128] } }, 'run.yaml')
    expect(blockOf(large, 'affinity')).toEqual([256, 256, 128])
    expect(blockOf(large, 'synapse-map')).toEqual(large.grid.block)
    expect(Object.isFrozen(config.stages) || typeof config.stages === 'object').toBe(true)
  })

  test.each([
    ['an unknown key at the top', (c: any) => (c.datset = 'x'), 'datset: unknown key'],
    [
      'an unknown key of a stage',
      (c: any) => (c.stages = { agglomerate: { treshold: 1 } }),
      'stages.agglomerate.treshold: unknown key',
    ],
    ['an unknown stage', (c: any) => (c.stages = { agglomerat: {} }), 'stages.agglomerat: unknown key'],
    ['a unit in words', (c: any) => (c.voxelSizeNm = ['8 nm', 8, 8]), 'voxelSizeNm.0: a length in nanometres'],
    [
      'metres instead of nanometres',
      (c: any) => (c.voxelSizeNm = [8000, 8, 8]),
      'voxelSizeNm.0: a voxel is given in nanometres',
    ],
    [
      'a threshold in grey levels',
      (c: any) => (c.stages = { agglomerate: { threshold: 128 } }),
      'stages.agglomerate.threshold:',
    ],
    [
      'regions that are not whole blocks',
      (c: any) => (c.grid = { block: [128, 128, 64], region: [192, 128, 128] }),
      'grid.region.0: 192',
    ],
    [
      'a block of a model that does not fill the region',
      (c: any) => (c.stages = { affinity: { block: [128, 96, 64] } }),
      'stages.affinity.block.1: 96',
    ],
    [
      'the same of one region',
      (c: any) => (c.overrides = [{ regions: ['0_0_0'], stages: { affinity: { block: [128, 128, 60] } } }]),
      'overrides.0.stages.affinity.block.2: 60',
    ],
    [
      'a halo beyond the next region',
      (c: any) => (c.stages = { affinity: { halo: 500 } }),
      'stages.affinity.halo: 500 voxels reach further',
    ],
    [
      'a box outside the bounds',
      (c: any) => (c.evaluate = { truth: 'phantom', box: { min: [0, 0, 0], max: [9999, 10, 10] } }),
      'evaluate.box: x from 0 to 9999 lies outside',
    ],
    [
      'an empty box',
      (c: any) => (c.evaluate = { box: { min: [5, 0, 0], max: [5, 10, 10] } }),
      'evaluate.box: a box needs min < max',
    ],
    ['an unknown key of the phantom', (c: any) => (c.source.phantom.sede = 1), 'source.phantom.sede: unknown key'],
    ['no source', (c: any) => delete c.source, 'source: one of: phantom'],
    ['a dataset name with a slash', (c: any) => (c.dataset = 'a/b'), 'dataset: lower-case letters'],
  ])('%s is refused by its path', (_, spoil, expected) => {
    const c = demo()
    spoil(c)
    expect(complaint(c)).toContain(expected)
  })

  test('several mistakes are all named', () => {
    const c = demo()
    c['voxelSizeNm'] = [0, 8, 8]
    c['colour'] = 'red'
    expect(complaint(c)).toContain('voxelSizeNm.0')
    expect(complaint(c)).toContain('colour: unknown key')
  })
})

test('models.affinity is model, and other roles are named beside it', () => {
  const file = { dataset: 'd', voxelSizeNm: [8, 8, 8], source: { stack: 'em.npy' } }
  const plain = parseRunConfig(file, 'f')
  expect(plain.model).toBeUndefined()
  expect(parseRunConfig({ ...file, models: { affinity: 'a' } }, 'f')).toEqual({ ...plain, model: 'a' })
  expect(parseRunConfig({ ...file, models: { affinity: 'a', synapse: 's' } }, 'f')).toEqual({
    ...plain,
    model: 'a',
    models: { synapse: 's' },
  })
  expect(() => parseRunConfig({ ...file, model: 'b', models: { affinity: 'a' } }, 'f')).toThrow(/give one of them/)
  expect(() => parseRunConfig({ ...file, models: { synapses: 's' } }, 'f')).toThrow(/did you mean models\.synapse\?/)
})
