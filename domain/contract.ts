// The contract between client, workflows and activities: queues, ids, messages and payloads; references only, never data.
import { key, type Box, type Vec3 } from './geometry.ts'
import type { ArtifactRef } from './lineage.ts'
import type { RunConfig } from './config.ts'
import type { Pause } from './control.ts'
import type { Execution } from './provenance/history.ts'
import type { ArtifactMark } from './plan/marks.ts'
import type { IndexEntry } from './index/page.ts'
import type { Digest } from './recipe.ts'
import type { Channel, Hole, Quality } from './release.ts'
import type { StageName } from './stages.ts'
import type { Node } from './index/tree.ts'

export const queues = { workflow: 'hillock', cpu: 'hillock-cpu', inference: 'hillock-inference' } as const

export const workflowIds = {
  reconstruct: (dataset: string, run: string): string => `reconstruct/${dataset}/${run}`,
  sections: (c: RunContext, phase: string, first: number): string =>
    `sections/${c.dataset}/${c.run}/${phase}/z${String(first).padStart(5, '0')}`,
  sweep: (c: RunContext, phase: string, node: Node): string =>
    `sweep/${c.dataset}/${c.run}/${phase}/${node.level}_${key(node.coord)}`,
  region: (c: RunContext, phase: string, region: string): string => `region/${c.dataset}/${c.run}/${phase}/${region}`,
  range: (c: RunContext, phase: string, range: number): string => `range/${c.dataset}/${c.run}/${phase}/${range}`,
  release: (c: Pick<RunContext, 'dataset' | 'run'>): string => `release/${c.dataset}/${c.run}`,
  rollback: (dataset: string, channel: string, release: string): string =>
    `rollback/${dataset}/${channel}/from-${release}`,
  plan: (dataset: string, run: string): string => `plan/${dataset}/${run}`,
  evaluate: (dataset: string, release: string, run: string): string => `evaluate/${dataset}/${release}/${run}`,
  diff: (d: DiffInput, run: string): string => `diff/${d.dataset}/${d.before}/${d.after}/${run}`,
  publish: (dataset: string, channel: string, release: string): string => `publish/${dataset}/${channel}/${release}`,
  archive: ({ workflowId, runId }: Execution): string =>
    `archive/${workflowId.slice(workflowId.indexOf('/') + 1)}/${runId}`,
  audit: (dataset: string, release: string, run: string, page: number): string =>
    `audit/${dataset}/${release}/${run}/${page}`,
  unheld: (waiting: string, step: string): string => `unheld/${waiting.slice(waiting.indexOf('/') + 1)}/${step}`,
}

const OF_A_RUN: readonly string[] = ['reconstruct', 'sections', 'sweep', 'region', 'range', 'release']

/** Dataset and run that a workflow belongs to, for its log. */
export function ownerOf(workflowId: string): Readonly<Record<string, string | undefined>> {
  const [kind, dataset, run] = workflowId.split('/')
  return OF_A_RUN.includes(kind!) ? { dataset, run } : { dataset }
}

/** A model of a run: its file lies in the raw archive, the rest is what its card says that changes what is made with it. */
export interface RunModel {
  /** As the run file names it. */
  readonly name: string
  readonly digest: Digest
  readonly multipleOf: number
  readonly channels: number
  /** Voxels of context around a block, where the stage has no parameter that says so. */
  readonly halo?: number
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
  /** Absent where no stage of the run uses one. */
  readonly model?: RunModel
  /** Those of other roles; absent where the run file names none. */
  readonly models?: Readonly<Record<string, RunModel>>
  /** sha256 of the list of marked artifacts in the raw archive; absent while none is marked. */
  readonly marks?: string
}

/** Page at the root of every phase that is done, by phase: from these every artifact of a run can be found. */
export type Roots = Readonly<Record<string, string>>

/** Some node of a phase: a sweep over many cells, a region or a batch of sections. */
export interface Place {
  readonly context: RunContext
  readonly phase: string
  /** Level 0 is a cell. */
  readonly node: Node
  readonly roots: Roots
  /** Where a phase goes from the root down: artifacts of the parent node, by stage. */
  readonly above?: Readonly<Record<string, Refs>>
  /** What is held back just now. */
  readonly pauses?: readonly Pause[]
  /** The run hears whenever so much more has been spent; absent when it has no budget. */
  readonly quantum?: number
}

export interface Saved {
  /** Page that lists what was made or found, in the raw archive. */
  readonly page: string
  /** Identity of the files that its sections were read from: part of what names it. */
  readonly source?: string
}

/** What became of a place. */
export interface Swept extends Saved {
  readonly counts: readonly StageCount[]
  /** Artifacts of this very node, by stage, for its parent. */
  readonly top: Readonly<Record<string, Refs>>
}

/** What is known before any work: the whole place, or those below it that are the same as in an earlier run. */
export interface Probed {
  readonly found: Swept | null
  readonly below: readonly (Swept | null)[]
}

/** An attempt of an activity that failed; a lost one (its worker was killed) says when it was last heard of. */
export interface Failure {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly type: string
}

/** What an activity went through, told with its result: the history keeps nothing of attempts but the last. */
export interface Told {
  /** In a heartbeat: what the bucket said to the request that is waited for. */
  readonly waits?: string | undefined
  readonly failures?: readonly Failure[]
  /** Requests of the last attempt to the object store, by `operation prefix`; `failed`, `throttled` and `bytes` of them with that word before. */
  readonly requests?: Readonly<Record<string, number>>
}

/** How one artifact came to be, as an activity reports it. */
export interface Outcome extends Told {
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

/** Outcomes of a batch, summed, with the artifacts listed in a page. */
export interface BatchOutcome extends Told {
  readonly page: string
  /** Of `ingest`: identity of the files as they were before and after they were read. */
  readonly source?: string
  readonly counts: readonly StageCount[]
  /** Digests of their lineage records, in the order of the page. */
  readonly records?: readonly Digest[]
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
  /** Sweeps under way, whose own progress comes on top. */
  readonly open: readonly string[]
  readonly pauses: readonly Pause[]
}

/** Refs of a stage by cell: region or node coordinate `x_y_z`. */
export type Refs = Readonly<Record<string, ArtifactRef>>

export interface ReconstructInput {
  readonly dataset: string
  readonly run: string
  /** The resolved run file. */
  readonly config: RunConfig
  /** Set where the release takes the place of another. */
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

/** Artifacts with blocks that failed for good: a list of index entries in the raw archive. */
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

/** Histories of a run that lie in the bucket. */
export interface Archived {
  /** sha256 of their index. */
  readonly index: Digest
  readonly histories: number
}

/** A stage activity in an archived history: with its recorded input it can be executed again. */
export interface Recorded {
  readonly stage: StageName
  readonly id: string
  /** Object and digest of the history, and the event in it that scheduled the activity. */
  readonly history: string
  readonly digest: Digest
  readonly event: string
}

/** What came of executing an activity again. */
export interface Verdict {
  readonly id: string
  readonly artifacts: number
  readonly equal: number
  /** For each artifact that differs, which and why; cut short where there are many. */
  readonly why: readonly string[]
  /** In what this execution differs from the recorded one: revision, Node, ONNX Runtime, provider, CPU. */
  readonly runtime: readonly string[]
}

export interface CollectTask {
  /** Only what was named by nothing this long ago, and is not now. */
  readonly graceSeconds: number
}

/** What garbage collection found or deleted. */
export interface Collected {
  /** Key of the list of candidates. */
  readonly list: string
  readonly artifacts: number
  readonly raw: number
  readonly memo: number
  /** For another pass. */
  readonly left: number
  /** Why objects of the raw archive are left alone. */
  readonly damaged: string | null
}
