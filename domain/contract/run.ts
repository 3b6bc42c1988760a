// What a run is given and what comes of it: its context, which every activity of it gets, its progress and result.
import type { RunConfig } from '../config.ts'
import type { Pause } from '../control.ts'
import type { Box, Vec3 } from '../geometry.ts'
import type { Digest } from '../recipe.ts'
import type { Channel, Quality } from '../release.ts'
import type { StageName } from '../stages.ts'

/** A model of a run: its file lies in the raw archive, the rest is what its card says that changes what is made with it. */
export interface RunModel {
  /** As the run file names it. */
  readonly name: string
  readonly digest: Digest
  readonly multipleOf: number
  readonly channels: number
  /** Voxels of context around a block, where the stage has no parameter that says so or the output is cropped. */
  readonly halo?: number
  /** Voxels at each face of its input that its output lacks, fewer than the halo; absent where it lacks none. */
  readonly cropped?: number
  /** Digest of what it gave for a small block on the machine that tried it; absent until then. */
  readonly sample?: Digest
}

/** What every activity of a run gets: the resolved run file by digest, and the little that all need of it. */
export interface RunContext {
  readonly dataset: string
  readonly run: string
  /** sha256 of the resolved run file in the raw archive. */
  readonly config: string
  /** sha256 of the list of tiles in the raw archive, which names a document for each batch of sections. */
  readonly layout: string
  /** Digest of what a source that is one thing (a stack, a volume) looked like when the run began. */
  readonly source?: string
  readonly bounds: Box
  /** Where the dataset's origin lies in the coordinates of its source, in voxels; absent where they are the same. */
  readonly offset?: Vec3
  readonly region: Vec3
  readonly voxelSizeNm: Vec3
  readonly through: 'render' | 'evaluate'
  /** The source is made by the phantom stage. */
  readonly synthetic: boolean
  /** The source is aligned already: its sections are not matched. */
  readonly aligned: boolean
  /** Partitions of the tables, where the run file says how many. */
  readonly partitions?: number
  /** Absent where no stage of the run uses one. */
  readonly model?: RunModel
  /** Those of other roles; absent where the run file names none. */
  readonly models?: Readonly<Record<string, RunModel>>
  /** sha256 of the list of marked artifacts in the raw archive; absent while none is marked. */
  readonly marks?: string
}

/** IndexNode at the root of every phase that is done, by phase: from these every artifact of a run can be found. */
export type Roots = Readonly<Record<string, string>>

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
  /** Fan-outs under way, whose own progress comes on top. */
  readonly open: readonly string[]
  readonly pauses: readonly Pause[]
  /** Of the phases that are done. */
  readonly roots: Roots
}

export interface ReconstructInput {
  readonly dataset: string
  readonly run: string
  /** The resolved run file. */
  readonly config: RunConfig
  /** Set where the release takes the subtree of another. */
  readonly patch?: PatchOf
}

/** What a patch release belongs to. */
export interface PatchOf {
  /** The release that it patches. */
  readonly parent: string
  /** Workflow id of the rollback that it is made for, whose own holds do not bind this run. */
  readonly rollback?: string
}

export interface RunResult {
  readonly release: string
  readonly digest: string
  readonly layerDigests: Readonly<Record<string, string>>
  readonly published: boolean
  readonly channel: Channel
  readonly refusal: string | null
  readonly quality: Quality
  /** How many; the manifest lists them. */
  readonly holes: number
  readonly stages: readonly StageProgress[]
  readonly cost: number
}

export interface ReprocessInput {
  readonly dataset: string
  readonly config: RunConfig
}

/** `release` is null when there was nothing to do, and `why` says so. */
export interface Reprocessed {
  readonly plan: string
  readonly release: string | null
  readonly published: boolean
  readonly why: string | null
}

/** What a plan comes to; the bucket holds it. */
export interface Planned {
  readonly id: string
  readonly make: number
  readonly may: number
  /** Why a run of it would change nothing, or must not by itself; null where it would. */
  readonly idle: string | null
}
