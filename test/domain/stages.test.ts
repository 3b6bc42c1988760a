// The stage table: its page is up to date, its inputs exist and come before, its parameters have defaults.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { stageMarkdown } from '../../domain/diagram.ts'
import { parseInput } from '../../domain/reads.ts'
import { stageNames, stages, StagesConfig } from '../../domain/stages.ts'

test('docs/stages.md is what the table prints', () => {
  expect(readFileSync('docs/stages.md', 'utf8').trimEnd(), 'run: ./hillock stages > docs/stages.md').toBe(
    stageMarkdown().trimEnd(),
  )
})

test('a stage reads stages that stand before it, or itself further down the tree', () => {
  for (const [i, s] of stageNames.entries())
    for (const input of stages[s].inputs.map(n => parseInput(n).stage)) {
      const at = stageNames.indexOf(input as never)
      expect(at, `${s} reads ${input}`).toBeGreaterThanOrEqual(0)
      expect(at < i || (input === s && stages[s].scope === 'node'), `${s} reads ${input}`).toBe(true)
    }
})

test('the table cannot be changed', () => {
  expect(Object.isFrozen(stages)).toBe(true)
  expect(Object.isFrozen(stages.render.retry)).toBe(true)
})

test('every parameter has a default', () => {
  expect(Object.keys(StagesConfig.parse({}))).toEqual(stageNames)
})
