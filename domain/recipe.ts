// Recipes: what names an artifact, by content and never by place or time (docs/concepts.md, invariant 3).
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { canonicalJson, type Json } from './canonical.ts'
import { Box } from './geometry.ts'

export const Digest = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 digest is 64 lower-case hex digits')
export type Digest = z.infer<typeof Digest>

export const sha256 = (bytes: Uint8Array | string): Digest => createHash('sha256').update(bytes).digest('hex')

export const Recipe = z.strictObject({
  stage: z.string().min(1),
  version: z.number().int().positive(),
  parameters: z.record(z.string(), z.json()),
  /** sha256 of the model file, null for a stage without one. */
  model: Digest.nullable(),
  /** Content digest of every input, by a name that says what it is to the stage (`tile/r0c1`, `render/1_0_0`). */
  inputs: z.record(z.string(), Digest),
  /** What is made: a box of voxels, a section, a tree node. */
  extent: z.union([
    Box,
    z.strictObject({ section: z.number().int() }),
    z.strictObject({ sections: z.array(z.number().int()).readonly() }),
    z.strictObject({ node: z.string(), level: z.number().int() }),
    z.strictObject({ range: z.number().int(), of: z.number().int() }),
    z.literal('dataset'),
  ]),
  seed: z.number().int(),
  /** Raised where what was made from this recipe before is marked bad or damaged; absent for the first. */
  generation: z.number().int().positive().optional(),
})
export type Recipe = z.infer<typeof Recipe>

export const recipeId = (recipe: Recipe): Digest => sha256(canonicalJson(recipe as unknown as Json))

/** Content digest of a set of named outputs: independent of recipe, place and time. */
export const contentDigest = (outputs: readonly { path: string; sha256: Digest }[]): Digest =>
  sha256(
    canonicalJson(outputs.map(o => [o.path, o.sha256]).sort((a, b) => (a[0]! < b[0]! ? -1 : a[0]! > b[0]! ? 1 : 0))),
  )
