// The run file: its page is what the schema prints, no key is without words and an example, a misspelt one is understood.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseRunConfig, RunConfig } from '../../domain/config.ts'
import { exampleOf, runFileMarkdown } from '../../domain/run-file/run-file.ts'
import { nearest, schemaKeys } from '../../domain/run-file/schema.ts'

test('docs/run-file.md is what the schema prints', () => {
  expect(readFileSync('docs/run-file.md', 'utf8').trimEnd(), 'run: ./hillock run-file > docs/run-file.md').toBe(
    runFileMarkdown().trimEnd(),
  )
})

const keys = [...schemaKeys(RunConfig)]

test('every key says what it is: add .describe(...) or .meta({ description, examples })', () => {
  expect(keys.length).toBeGreaterThan(100)
  // A stage is described by the stage table.
  const bare = keys.filter(k => !k.description && !/^stages\.[a-z-]+$/.test(k.path))
  expect(bare.map(k => k.path)).toEqual([])
})

test('every key that holds a value has an example that may stand there', () => {
  const leaves = keys.filter(k => !keys.some(o => o.path.startsWith(`${k.path}.`)))
  for (const k of leaves) {
    if (['object', 'record'].includes(k.schema.def.type) && exampleOf(k) === undefined) continue
    expect(k.schema.safeParse(exampleOf(k)).success, `${k.path}: ${JSON.stringify(exampleOf(k))}`).toBe(true)
  }
})

test.each([
  [{ datset: 'x' }, 'datset: unknown key; did you mean dataset?'],
  [{ threshold: 0.5 }, 'threshold: unknown key; did you mean stages.agglomerate.threshold?'],
  [{ stages: { agglomerat: {} } }, 'stages.agglomerat: unknown key; did you mean stages.agglomerate?'],
  [{ stages: { align: { windwo: 5 } } }, 'stages.align.windwo: unknown key; did you mean stages.align.window?'],
  [{ source: { phantom: { sede: 1 } } }, 'source.phantom.sede: unknown key; did you mean source.phantom.seed?'],
  [
    { exclude: { sections: [{ section: 1, raeson: 'x' }] } },
    'raeson: unknown key; did you mean exclude.sections.0.reason?',
  ],
  [{ zzzzzz: 1 }, 'zzzzzz: unknown key'],
])('%o is refused with what was meant', (wrong, words) => {
  const good = { dataset: 'd', voxelSizeNm: [8, 8, 8], source: { phantom: {} } }
  expect(() => parseRunConfig({ ...good, ...wrong }, 'run.yaml')).toThrow(words)
})

test('what is far from every name is near to none', () => {
  expect(nearest('xyz', ['dataset', 'model'])).toBeUndefined()
  expect(nearest('MODEL', ['dataset', 'model'])).toBe('model')
})
