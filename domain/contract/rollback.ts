// Rollbacks: what is taken back, the hold, the diagnosis, and the artifacts that are set aside.
import type { RunConfig } from '../config.ts'
import type { ArtifactMark } from '../plan/marks.ts'
import type { Channel } from '../release.ts'

export interface RollbackInput {
  readonly dataset: string
  readonly channel: Channel
  /** The release that is taken back: a channel that has moved on meanwhile is left alone. */
  readonly from: string
  /** Where to go; null = the release that `from` replaced. */
  readonly to: string | null
  readonly by: string
  readonly reason: string
  /** Bad regions, `x_y_z`: a patch release gives these the parameters of the release gone back to. Without any the channel is all. */
  readonly regions?: readonly string[]
}

export interface RollbackResult {
  /** What the channel names now. */
  readonly release: string
  /** The patch release that was published. */
  readonly patch: string | null
  /** Artifacts that were quarantined. */
  readonly tainted: number
}

/** A hold that a rollback puts on a dataset. */
export interface HoldTask {
  readonly dataset: string
  readonly id: string
  readonly by: string
  readonly reason: string
}

/** Where a bad release and the good one before it part, and what to make instead. */
export interface Diagnosis {
  /** The run file of the patch. */
  readonly config: RunConfig
  /** List of tainted artifacts in the raw archive, and how many they are. */
  readonly list: string
  readonly count: number
}

/** Artifacts of regions, or with blocks, that failed for good: a list of index entries in the raw archive. */
export interface Poisoned {
  readonly list: string
  readonly blocks: number
  /** The first of them, for people. */
  readonly text: string
}

/** Artifacts of a list in the raw archive that are quarantined, or no longer. */
export interface QuarantineTask {
  readonly list: string
  readonly kind: ArtifactMark['kind']
  /** The run that makes the patch. */
  readonly run: string
  readonly by: string
  readonly reason: string
}
