// The lineage record: an artifact exists if and only if one of these exists for it (docs/concepts.md, invariant 4).
import { z } from 'zod'
import { canonicalJson, type Json } from './canonical.ts'
import { Digest, Recipe, sha256 } from './recipe.ts'

export const Runtime = z.strictObject({
  node: z.string().min(1),
  onnxruntime: z.string().min(1).nullable(),
  provider: z.string().min(1).nullable(),
  cpu: z.string().min(1),
})
export type Runtime = z.infer<typeof Runtime>

export const Output = z.strictObject({
  path: z.string().min(1),
  sha256: Digest,
  bytes: z.number().int().nonnegative(),
})
export type Output = z.infer<typeof Output>

export const Lineage = z.strictObject({
  recipeId: Digest,
  recipe: Recipe,
  codeRevision: z.string().min(1),
  runtime: Runtime,
  outputs: z.array(Output).min(1),
  /** Digest of the outputs alone (`contentDigest`): what a later stage takes as its input. */
  content: Digest,
  workflowId: z.string().min(1),
  runId: z.string().min(1),
  attempt: z.number().int().positive(),
  start: z.iso.datetime(),
  end: z.iso.datetime(),
  bytes: z.number().int().nonnegative(),
  voxels: z.number().int().nonnegative(),
  /** Compute cost of this attempt in the currency of the run file's price table. */
  cost: z.number().nonnegative(),
  /** Seconds spent, by kind: kernel (thread pool), inference (ONNX), io (object store). */
  seconds: z.strictObject({ kernel: z.number(), inference: z.number(), io: z.number() }),
  /** Small figures a person wants to see beside the artifact: residuals, counts, scores. */
  summary: z.record(z.string(), z.json()),
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
