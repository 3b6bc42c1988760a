// Recipes: any difference is another artifact, and the order of keys is no difference.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { recipeId, sha256, type Recipe } from '../../domain/recipe.ts'

const recipe: Recipe = {
  stage: 'segment',
  version: 1,
  parameters: { threshold: 0.3, list: [1, 2] },
  model: sha256('model'),
  inputs: { a: sha256('a'), b: sha256('b') },
  extent: { min: [0, 0, 0], max: [64, 64, 64] },
  seed: 0,
}

/** RFC 8785 in its simplest form. */
const written = (v: unknown): string =>
  Array.isArray(v)
    ? `[${v.map(written).join()}]`
    : v !== null && typeof v === 'object'
      ? `{${Object.keys(v)
          .sort()
          .map(k => `${JSON.stringify(k)}:${written(v[k as keyof typeof v])}`)
          .join()}}`
      : JSON.stringify(v)

test('canonical JSON has its keys in order, whatever theirs was, and parses back', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), value => {
      const shuffled = (v: unknown): unknown =>
        Array.isArray(v)
          ? v.map(shuffled)
          : v !== null && typeof v === 'object'
            ? Object.fromEntries(
                Object.entries(v)
                  .reverse()
                  .map(([k, x]) => [k, shuffled(x)]),
              )
            : v
      for (const same of [value, shuffled(value)]) expect(canonicalJson(same as Json)).toBe(written(value))
      expect(JSON.parse(canonicalJson(value as Json))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
  for (const none of [Number.NaN, Infinity, 1n, () => {}, undefined])
    for (const holder of [none, [none], { z: 1, a: [none === undefined ? 1n : none] }])
      expect(() => canonicalJson(holder as Json)).toThrow(TypeError)
  expect(canonicalJson({ b: 1, a: undefined })).toBe('{"b":1}')
})

test.each([
  ['stage', { stage: 'render' }],
  ['stage version', { version: 2 }],
  ['a parameter', { parameters: { ...recipe.parameters, threshold: 0.30000001 } }],
  ['the model', { model: sha256('other') }],
  ['no model', { model: null }],
  ['an input', { inputs: { ...recipe.inputs, b: sha256('c') } }],
  ['one input less', { inputs: { a: recipe.inputs['a']! } }],
  ['inputs swapped', { inputs: { a: recipe.inputs['b']!, b: recipe.inputs['a']! } }],
  ['the extent', { extent: { min: [0, 0, 0], max: [64, 64, 65] } }],
  ['the seed', { seed: 1 }],
] as [string, Partial<Recipe>][])('another %s is another recipe', (_, change) => {
  expect(recipeId({ ...recipe, ...change })).not.toBe(recipeId(recipe))
})
