// How artifacts came to be, as the activities that make them tell the workflow: references and counts, never data.
import type { IndexEntry } from '../index/index-node.ts'
import type { ArtifactRef } from '../lineage.ts'
import type { Digest } from '../recipe.ts'
import type { Hole } from '../release.ts'
import type { StageName } from '../stages.ts'
import type { StageCount } from './run.ts'

/** Type of an attempt whose worker was killed. */
export const LOST = 'Lost'
/** Type of an attempt whose worker was told to end and handed it over: no fault of the work, and no failure. */
export const HANDED = 'WorkerShutdown'

/** An attempt of an activity that failed; a lost one (its worker was killed) says when it was last heard of. */
export interface Failure {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly type: string
}

/** What an activity went through, told with its result: the history keeps nothing of attempts but the last. */
export interface ActivityReport {
  /** In a heartbeat: what the bucket said to the request that is waited for. */
  readonly waits?: string | undefined
  readonly failures?: readonly Failure[]
  /** Requests of the last attempt to the object store, by `operation prefix`; `failed`, `throttled` and `bytes` of them with that word before. */
  readonly requests?: Readonly<Record<string, number>>
}

/** How one artifact came to be, as an activity reports it. */
export interface Outcome extends ActivityReport {
  readonly stage: StageName
  readonly key: string
  readonly ref: ArtifactRef
  readonly made: boolean
  readonly voxels: number
  readonly seconds: number
  readonly cost: number
  readonly retries: number
  readonly holes: readonly Hole[]
  /** Digest of the lineage record; absent from histories recorded before it was told. */
  readonly record?: Digest
}

export const entryOf = (o: Outcome): IndexEntry => ({
  stage: o.stage,
  cell: o.key,
  ref: o.ref,
  ...(o.holes.length ? { holes: o.holes } : {}),
})

/** Outcomes of a batch, summed, with the artifacts listed in an index node. */
export interface BatchOutcome extends ActivityReport {
  readonly page: string
  /** Of `ingest`: identity of the files as they were before and after they were read. */
  readonly source?: string
  readonly counts: readonly StageCount[]
  /** Digests of their lineage records, in the order of that node. */
  readonly records?: readonly Digest[]
}

/** Refs of a stage by cell: region or node coordinate `x_y_z`. */
export type Refs = Readonly<Record<string, ArtifactRef>>
