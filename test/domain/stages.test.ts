// The stage table: its page is up to date, its inputs exist and come before, its parameters have defaults.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { stageMarkdown } from '../../domain/provenance/diagram.ts'
import { parseRunConfig } from '../../domain/config.ts'
import { parseInput } from '../../domain/index/reads.ts'
import { releasePlan } from '../../domain/releases/release-plan.ts'
import { stageNames, stages, StagesConfig } from '../../domain/stages.ts'
import { voidHalo } from '../../kernels/segmentation/void.ts'
import { synapseMapHalo } from '../../kernels/synapse/map.ts'
import { synapseHalo } from '../../kernels/synapse/synapse.ts'

test('docs/stages.md is what the table prints', () => {
  expect(readFileSync('docs/stages.md', 'utf8').trimEnd(), 'run: ./hillock stages > docs/stages.md').toBe(
    stageMarkdown().trimEnd(),
  )
})

test('docs/release-plan.md is what the release plan prints', () => {
  expect(
    readFileSync('docs/release-plan.md', 'utf8').trimEnd(),
    'run: ./hillock release plan > docs/release-plan.md',
  ).toBe(releasePlan().trimEnd())
})

test('the release plan of a run file names its stages, parameters, gates and dataset', () => {
  const config = parseRunConfig(
    {
      dataset: 'cortex',
      voxelSizeNm: [8, 8, 8],
      source: { phantom: {} },
      through: 'render',
      stages: { align: { method: 'none' }, render: { mean: 111 } },
      release: { gate: { voiSum: 0.7 } },
    },
    'run.yaml',
  )
  const text = releasePlan({ config })
  expect(text).toContain('"mean":111')
  expect(text).toContain('voiSum at most 0.7')
  expect(text).toContain('HillockDataset = "cortex"')
  expect(text).not.toContain('affinity')
  expect(text).not.toMatch(/^\| match \|/m)
})

test('a stage reads stages that stand before it, or itself further down the tree', () => {
  for (const [i, s] of stageNames.entries())
    for (const input of stages[s].inputs.map(n => parseInput(n).stage)) {
      const at = stageNames.indexOf(input as never)
      expect(at, `${s} reads ${input}`).toBeGreaterThanOrEqual(0)
      expect(at < i || (input === s && stages[s].scope === 'node'), `${s} reads ${input}`).toBe(true)
    }
})

test('a row says the halo that its kernel needs', () => {
  expect(stages['synapse-map'].halo).toEqual({ render: synapseMapHalo })
  expect(stages.synapse.halo).toEqual({ 'synapse-map': synapseHalo, segment: synapseHalo })
  expect(stages.supervoxel.halo!['render']).toBe(voidHalo)
})

test('the table cannot be changed', () => {
  expect(Object.isFrozen(stages)).toBe(true)
  expect(Object.isFrozen(stages.render.retry)).toBe(true)
})

test('every parameter has a default', () => {
  expect(Object.keys(StagesConfig.parse({}))).toEqual(stageNames)
})
