// The contract between client, workflows and activities: queues, ids, messages and payloads; references only, never data.
import type { Box, Vec3 } from './geometry.ts'
import type { ArtifactRef } from './lineage.ts'
import type { RunConfig } from './config.ts'
import type { Channel, Hole, Quality } from './release.ts'
import type { StageName } from './stages.ts'

export const queues = { workflow: 'hillock', cpu: 'hillock-cpu', inference: 'hillock-inference' } as const

export const searchAttributes = ['HillockDataset', 'HillockRegion', 'HillockStage', 'HillockRelease'] as const

export const workflowIds = {
  reconstruct: (dataset: string, run: string): string => `reconstruct/${dataset}/${run}`,
  sections: (c: RunContext, first: number): string =>
    `sections/${c.dataset}/${c.run}/z${String(first).padStart(5, '0')}`,
  region: (c: RunContext, phase: string, region: string): string => `region/${c.dataset}/${c.run}/${phase}/${region}`,
  release: (c: RunContext): string => `release/${c.dataset}/${c.run}`,
  rollback: (dataset: string, channel: string, release: string): string =>
    `rollback/${dataset}/${channel}/from-${release}`,
  evaluate: (dataset: string, release: string, run: string): string => `evaluate/${dataset}/${release}/${run}`,
  publish: (dataset: string, channel: string, release: string): string => `publish/${dataset}/${channel}/${release}`,
}

/** What every activity of a run gets: the resolved run file by digest, and the little that all need of it. */
export interface RunContext {
  readonly dataset: string
  readonly run: string
  /** sha256 of the resolved run file in the raw archive. */
  readonly config: string
  /** sha256 of the list of tiles in the raw archive. */
  readonly layout: string
  readonly bounds: Box
  readonly region: Vec3
  readonly voxelSizeNm: Vec3
  readonly through: 'render' | 'evaluate'
}

/** How one artifact came to be, as an activity reports it. */
export interface Outcome {
  readonly stage: StageName
  readonly key: string
  readonly ref: ArtifactRef
  readonly made: boolean
  readonly voxels: number
  readonly seconds: number
  readonly cost: number
  readonly retries: number
  readonly holes: readonly Hole[]
}

/** Outcomes of a batch, summed, with the artifacts listed in an index object of the raw archive. */
export interface BatchOutcome {
  readonly index: string
  readonly counts: readonly StageCount[]
  readonly holes: readonly Hole[]
}

export interface StageCount {
  readonly stage: StageName
  readonly made: number
  readonly found: number
  readonly quarantined: number
  readonly retries: number
  readonly seconds: number
  readonly voxels: number
  readonly cost: number
}

export interface StageProgress extends StageCount {
  readonly total: number
  /** Milliseconds since the epoch by the workflow's clock; 0 = not started. */
  readonly started: number
  readonly ended: number
}

export interface Progress {
  readonly phase: string
  readonly stages: readonly StageProgress[]
  readonly release: string | null
}

/** Refs of a stage by cell: region or node coordinate `x_y_z`. */
export type Refs = Readonly<Record<string, ArtifactRef>>

export interface ReconstructInput {
  readonly dataset: string
  readonly run: string
  /** The resolved run file. */
  readonly config: RunConfig
}

export interface SurveyResult {
  readonly context: RunContext
  /** Batches of sections, both ends included. */
  readonly batches: readonly { readonly first: number; readonly last: number }[]
  /** The source is made by the phantom stage. */
  readonly synthetic: boolean
  /** The source is aligned already: its sections are not matched. */
  readonly aligned: boolean
}

export interface IndexEntry {
  readonly stage: string
  readonly cell: string
  readonly ref: ArtifactRef
}

export interface RunResult {
  readonly release: string
  readonly digest: string
  readonly layerDigests: Readonly<Record<string, string>>
  readonly published: boolean
  readonly channel: Channel
  readonly refusal: string | null
  readonly quality: Quality
  readonly holes: readonly Hole[]
  readonly stages: readonly StageProgress[]
  readonly cost: number
}

export interface ReleaseInput {
  readonly context: RunContext
  /** Index objects that list every artifact of the run, stage by stage. */
  readonly indexes: readonly string[]
  readonly holes: readonly Hole[]
  readonly cost: number
  readonly approver: string
  /** Run id of the reconstruct workflow. */
  readonly runId: string
}

/** A manifest that is in the bucket; `refusal` says why the gate keeps it from the channel. */
export interface Assembled {
  readonly release: string
  readonly digest: string
  readonly layerDigests: Readonly<Record<string, string>>
  readonly quality: Quality
  readonly channel: Channel
  readonly refusal: string | null
}

export interface ReleaseResult extends Assembled {
  readonly published: boolean
  readonly outcomes: readonly Outcome[]
}

export interface EvaluateInput {
  readonly dataset: string
  readonly release: string
  /** Path of a .npy(.gz) of labels, axes z, y, x. */
  readonly truth: string
}

export interface RollbackInput {
  readonly dataset: string
  readonly channel: Channel
  /** The release that is taken back: a channel that has moved on meanwhile is left alone. */
  readonly from: string
  /** Where to go; null = the release that `from` replaced. */
  readonly to: string | null
  readonly by: string
  readonly reason: string
}

export interface ChannelMove {
  readonly dataset: string
  readonly channel: Channel
  readonly release: string
  readonly by: string
  readonly reason: string
}

/** What a channel object holds. */
export interface ChannelValue {
  readonly release: string
  /** Releases that it pointed at before, the newest first; those that were rolled back are not among them. */
  readonly earlier: readonly string[]
  readonly by: string
  readonly reason: string
}

export const queries = { progress: 'progress' } as const
