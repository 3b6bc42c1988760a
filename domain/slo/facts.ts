// What service levels are computed from: plain facts that histories and lineage records tell.
import type { RunConfig } from '../config.ts'
import type { Failure } from '../contract/artifacts.ts'
import type { Box, Vec3 } from '../geometry.ts'
import type { Quality } from '../release.ts'

/** One activity, as the history tells it. Times are milliseconds since the epoch, by the server's clock. */
export interface Task {
  /** Workflow id of the run. */
  readonly run: string
  readonly workflowId: string
  /** Name of the stage, or of the activity where it makes no artifact. */
  readonly stage: string
  readonly what: string
  readonly scheduled: number
  readonly ended: number | null
  readonly outcome: 'done' | 'failed' | 'cancelled' | 'open'
  /** But for those that a worker handed over because it was told to end. */
  readonly attempts: number
  readonly handedOver: number
  /** Attempts that failed, as far as they are told; their number follows from `attempts` and `outcome`. */
  readonly failures: readonly Failure[]
  readonly requests: Readonly<Record<string, number>>
  /** Recipes of the artifacts that it made or found. */
  readonly artifacts: readonly string[]
}

/** One artifact, as its lineage record tells it. */
export interface Artifact {
  readonly stage: string
  readonly recipe: string
  /** What it covers, for people. */
  readonly covers: string
  /** Grid coordinate of its region; null for one that is not of a region. */
  readonly region: string | null
  /** What readers ask for a part of it as: of the lowest mip of a volume, or of tables. */
  readonly part?: 'shard' | 'partition'
  /** Run that made it; null when an earlier one did. */
  readonly run: string | null
  readonly start: number
  readonly end: number
  readonly voxels: number
  readonly bytes: number
  readonly cost: number
}

export interface Run {
  readonly workflowId: string
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled'
  readonly start: number
  readonly end: number | null
}

export interface Candidate {
  readonly release: string
  /** Workflow id of the run that made it. */
  readonly run: string
  readonly channels: readonly string[]
  readonly quality: Quality
  readonly holes: number
  readonly cost: number
  /** The release asked about, or the one of the run asked about. */
  readonly own: boolean
}

export interface Facts {
  readonly subject: string
  readonly dataset: string
  readonly now: number
  readonly config: RunConfig
  readonly bounds: Box
  readonly voxelSizeNm: Vec3
  /** Oldest first; what is still to be done is that of the last one. */
  readonly runs: readonly Run[]
  /** Artifacts that the last run looks for, by stage. */
  readonly expected: Readonly<Record<string, number>>
  /** Those of them in places that it recognised as unchanged, so that no activity looked at them. */
  readonly skipped: Readonly<Record<string, number>>
  readonly tasks: readonly Task[]
  readonly artifacts: readonly Artifact[]
  readonly candidates: readonly Candidate[]
  /** Histories that the server no longer has. */
  readonly missing: readonly string[]
}
