// The lineage record: an artifact exists if and only if one of these exists for it (docs/concepts.md, invariant 4).
import { z } from 'zod'
import { canonicalJson, type Json } from './canonical.ts'
import { Digest, Recipe, sha256 } from './recipe.ts'
import { count, int } from './values.ts'

const text = z.string().min(1)

/** What the fields of a record hold stands in the release plan too. */
export const Runtime = z.strictObject({
  node: text.describe('version of Node'),
  onnxruntime: text.nullable().describe('version of ONNX Runtime; null for a stage without a model'),
  provider: text.nullable().describe('its execution provider; null for a stage without a model'),
  cpu: text.describe('model of the CPU and the vector instructions that it has'),
})
export type Runtime = z.infer<typeof Runtime>

export const Output = z.strictObject({
  path: text,
  sha256: Digest,
  bytes: count,
})
export type Output = z.infer<typeof Output>

export const Lineage = z.strictObject({
  recipeId: Digest.describe('sha256 of the recipe: the name of the artifact'),
  recipe: Recipe.describe('what it was made from, field by field below'),
  codeRevision: text.describe('commit of the code that made it'),
  runtime: Runtime.describe('what it ran on, field by field below'),
  outputs: z
    .array(Output)
    .min(1)
    .describe('path, sha256 and size of every output, checked in the store before the record is written'),
  content: Digest.describe('digest over the outputs: what later stages take as their input'),
  workflowId: text.describe('workflow that made it'),
  runId: text.describe('run of that workflow'),
  attempt: int.positive().describe('which attempt of the activity'),
  start: z.iso.datetime().describe('begin of that attempt, UTC'),
  end: z.iso.datetime().describe('end of that attempt, UTC'),
  bytes: count.describe('sum of the outputs'),
  voxels: count.describe('voxels that were made'),
  cost: z.number().nonnegative().describe("compute cost, in the currency of the run file's price table"),
  seconds: z
    .strictObject({ kernel: z.number(), inference: z.number(), io: z.number() })
    .describe('time in kernels, in inference, in the object store'),
  summary: z
    .record(z.string(), z.json())
    .describe('figures that people look at: residuals, counts, scores; holes with their reasons'),
})
export type Lineage = z.infer<typeof Lineage>

/** Digest of all that a record says. */
export const recordDigest = (record: Lineage): Digest => sha256(canonicalJson(record as unknown as Json))

/** How an artifact travels through Temporal: a few hundred bytes, whatever its size. */
export const ArtifactRef = z.strictObject({ stage: z.string(), recipe: Digest, content: Digest })
export type ArtifactRef = z.infer<typeof ArtifactRef>

/** One output of an artifact, where a stage reads no more of it. */
interface Part {
  readonly of: ArtifactRef
  readonly path: string
  readonly sha256: Digest
}

/** Where an input of a recipe comes from: an artifact, a part of one, or by its digest an object of the raw archive. */
export type Source = ArtifactRef | Part | Digest

/** What a recipe takes of it. */
export const digestOf = (s: Source): Digest => (typeof s === 'string' ? s : 'of' in s ? s.sha256 : s.content)
