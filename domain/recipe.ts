// Recipes: what names an artifact, by content and never by place or time (docs/concepts.md, invariant 3).
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { canonicalJson, type Json } from './canonical.ts'
import { Box } from './geometry.ts'
import { int } from './values.ts'

export const Digest = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 digest is 64 lower-case hex digits')
export type Digest = z.infer<typeof Digest>

export const sha256 = (bytes: Uint8Array | string): Digest => createHash('sha256').update(bytes).digest('hex')

/** What its fields hold stands in the release plan too. */
export const Recipe = z.strictObject({
  stage: z.string().min(1).describe('name of the stage'),
  version: int.positive().describe('its version: raised when the same recipe would give other bytes'),
  parameters: z
    .record(z.string(), z.json())
    .describe('every parameter, defaults included; sections and boxes that are left out'),
  model: Digest.nullable().describe('sha256 of the model file; null for a stage without one'),
  /** By a name that says what it is to the stage (`tile/r0c1`, `render/1_0_0`). */
  inputs: z.record(z.string(), Digest).describe('content digest of every input, by name'),
  extent: z
    .union([
      Box,
      z.strictObject({ section: int }),
      z.strictObject({ sections: z.array(int).readonly() }),
      z.strictObject({ node: z.string(), level: int }),
      z.strictObject({ range: int, of: int }),
      z.literal('dataset'),
    ])
    .describe('box of voxels, section, pair of sections, tree node or dataset'),
  seed: int.describe('seed of what is drawn at random'),
  generation: int
    .positive()
    .optional()
    .describe('only where an artifact of the same recipe was marked bad or damaged: which one this is'),
})
export type Recipe = z.infer<typeof Recipe>

export const recipeId = (recipe: Recipe): Digest => sha256(canonicalJson(recipe as unknown as Json))

/** Content digest of a set of named outputs: independent of recipe, place and time. */
export const contentDigest = (outputs: readonly { path: string; sha256: Digest }[]): Digest =>
  sha256(
    canonicalJson(outputs.map(o => [o.path, o.sha256]).sort((a, b) => (a[0]! < b[0]! ? -1 : a[0]! > b[0]! ? 1 : 0))),
  )
