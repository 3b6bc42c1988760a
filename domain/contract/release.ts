// Releases: what the saga of one is given and makes of it, how channels move, how a release is scored and compared.
import type { RunConfig } from '../config.ts'
import type { Box, Vec3 } from '../geometry.ts'
import type { Digest } from '../recipe.ts'
import type { Channel, Quality } from '../release.ts'
import type { Outcome } from './artifacts.ts'
import type { RunContext, Roots, PatchOf } from './run.ts'

export interface ReleaseInput {
  readonly context: RunContext
  readonly roots: Roots
  readonly cost: number
  readonly approver: string
  /** Run id of the reconstruct workflow. */
  readonly runId: string
  readonly patch?: PatchOf
}

/** A manifest that is in the bucket; `refusal` says why the gate keeps it from the channel. */
export interface Assembled {
  readonly release: string
  readonly digest: string
  readonly layerDigests: Readonly<Record<string, string>>
  readonly quality: Quality
  readonly holes: number
  readonly channel: Channel
  readonly refusal: string | null
  readonly approval: RunConfig['release']['approval']
  /** As the manifest says it, and the digest of that manifest; absent from histories recorded before they were told. */
  readonly codeRevision?: string
  readonly manifest?: Digest
}

export interface ReleaseResult extends Assembled {
  readonly published: boolean
  readonly outcomes: readonly Outcome[]
}

export interface EvaluateInput {
  readonly dataset: string
  /** Null: the one that is published. */
  readonly release: string | null
  /** Path of a .npy(.gz) of labels, axes z, y, x; or `phantom`. */
  readonly truth: string
  /** Only these are scored, each by itself; none: all of it. */
  readonly boxes?: readonly Box[]
  /** Voxel of the dataset at which the truth begins. */
  readonly offset?: Vec3
  /** Labels that stand for no object, beside 0. */
  readonly ignore?: readonly number[]
  /** Name under which the scores are kept. */
  readonly name: string
}

export interface Evaluated {
  readonly release: string
  /** Mean over the boxes of what is scored. */
  readonly quality: Quality
  readonly boxes: readonly { readonly box: Box; readonly quality: Quality }[]
}

export interface DiffInput {
  readonly dataset: string
  readonly before: string
  readonly after: string
}

/** Who moves a channel: kept in it, so that only that move is taken back. */
export interface Mover {
  readonly dataset: string
  readonly channel: Channel
  /** Names one run of a workflow, or for taking back all runs of one. */
  readonly via: string
}

export interface ChannelMove extends Mover {
  readonly release: string
  /** What the manifest must be, where the mover has made it. */
  readonly manifest?: Digest | undefined
  readonly by: string
  readonly reason: string
  /** Set where somebody publishes by hand: whether also what the gate of its run file refuses. */
  readonly force?: boolean
}
