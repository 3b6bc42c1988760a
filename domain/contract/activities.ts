// What each kind of activity is given: references and coordinates, nothing that grows with the data.
import type { Archived, Collected, CollectTask, Recorded, Verdict } from './housekeeping.ts'
import type { Assembled, ChannelMove, DiffInput, Evaluated, EvaluateInput, Mover, ReleaseInput } from './release.ts'
import type { BatchOutcome, Outcome, Refs } from './artifacts.ts'
import type { Diagnosis, HoldTask, Poisoned, QuarantineTask, RollbackInput } from './rollback.ts'
import type { Subtree, CacheLookup, Saved } from './subtree.ts'
import type { Planned, ReconstructInput, RunContext, RunModel, Roots } from './run.ts'
import type { ChannelValue } from '../releases/channel.ts'
import type { IndexEntry } from '../index/index-node.ts'
import type { Node } from '../index/tree.ts'
import type { Execution } from '../provenance/history.ts'
import type { ArtifactRef } from '../lineage.ts'
import type { GateDecision } from '../operator.ts'
import type { Quality } from '../release.ts'
import type { StagesOf } from '../stages.ts'

/** A batch of sections, `first <= z <= last`. */
export interface SectionTask {
  readonly context: RunContext
  readonly first: number
  readonly last: number
  readonly roots: Roots
  /** IndexNode of the batch's artifacts of this phase that are known so far. */
  readonly page: string | null
  readonly slab: ArtifactRef | null
}

/** One region (level 0) or one node of the region tree. */
export interface CellTask {
  readonly context: RunContext
  readonly level: number
  /** Grid coordinate `x_y_z` at that level. */
  readonly cell: string
  readonly roots: Roots
  /** Artifacts of the same phase that it reads, by stage and then by cell; those of earlier phases are looked up. */
  readonly refs: Readonly<Record<string, Refs>>
  /** Why the region has failed for good: it is made empty, and declared as a hole. */
  readonly failed?: string
}

/** A share of all segments. */
export interface RangeTask {
  readonly context: RunContext
  readonly range: number
  readonly of: number
  readonly roots: Roots
}

/** The whole dataset. */
export interface DatasetTask {
  readonly context: RunContext
  readonly roots: Roots
}

export interface DecisionTask extends GateDecision {
  readonly dataset: string
  readonly release: string
  readonly at: number
  readonly workflowId: string
  readonly runId: string
}

type SavedBelow = Saved & { readonly key: string }

/** What was made of a cell, whose index node is to be written too: own artifacts, and index nodes below by key. */
export interface CellIndex {
  readonly node: Node
  readonly entries: readonly IndexEntry[]
  readonly below: readonly SavedBelow[]
}

/** A subtree with what was made there: own artifacts, and index nodes of the subtrees below by key, or what goes into them. */
export interface IndexNodeTask {
  readonly subtree: Subtree
  readonly entries: readonly IndexEntry[]
  readonly below: readonly (SavedBelow | CellIndex)[]
}

export type SectionStage = StagesOf<'section' | 'pair'>

/** The activities that make artifacts, by stage name. */
export type StageActivities = { [S in StagesOf<'slab'>]: (task: SectionTask) => Promise<Outcome> } & {
  [S in SectionStage]: (task: SectionTask) => Promise<BatchOutcome>
} & { [S in StagesOf<'range'>]: (task: RangeTask) => Promise<Outcome> } & {
  [S in StagesOf<'region' | 'node'>]: (task: CellTask) => Promise<Outcome>
} & {
  [S in StagesOf<'dataset' | 'release'>]: (task: DatasetTask) => Promise<Outcome>
}

/** The activities that make no artifact. */
export interface Housekeeping {
  /** Reads the source's layout and checks the run file against it; for a plan also while the dataset is held. */
  survey(input: ReconstructInput, forPlan?: boolean): Promise<RunContext>
  /** Tries the model of a run on a small block, where inference runs; returns the digest of what it gave. */
  tryModel(model: RunModel): Promise<string>
  /** Writes the plan of a run to the bucket; returns what it comes to. */
  plan(input: ReconstructInput, context: RunContext): Promise<Planned>
  /** Whether a subtree, or what lies below it, is the same as in an earlier run. */
  lookUpCache(subtree: Subtree): Promise<CacheLookup>
  /** Writes the index node of a subtree and those of its cells, and remembers what each was made from. */
  saveIndexNode(task: IndexNodeTask): Promise<Saved>
  /** Residuals of what is stitched and aligned. */
  residuals(roots: Roots): Promise<Quality>
  /** Artifacts with blocks that failed for good. */
  poisoned(roots: Roots): Promise<Poisoned>
  /** Writes the release manifest and holds it against the gate of the run file. */
  assemble(input: ReleaseInput): Promise<Assembled>
  publish(move: ChannelMove): Promise<ChannelValue>
  rollBack(input: RollbackInput & { readonly via: string }): Promise<ChannelValue>
  /** Sets a channel to what it held before `via` moved it; one that has moved on meanwhile is left alone. */
  takeBack(mover: Mover): Promise<void>
  /** Keeps the decision about a candidate beside it. */
  recordDecision(d: DecisionTask): Promise<void>
  /** Puts a hold on a dataset and pauses its schedules. */
  hold(task: HoldTask): Promise<void>
  /** Releases the hold and resumes the schedules that it paused. */
  releaseHold(task: HoldTask): Promise<void>
  /** Holds in force, but for those of one workflow: who and why. */
  holdsOn(dataset: string, except?: string): Promise<readonly string[]>
  diagnose(input: RollbackInput, good: string): Promise<Diagnosis>
  /** Sets every artifact of a list aside; returns how many. */
  quarantine(task: QuarantineTask): Promise<number>
  liftQuarantine(task: QuarantineTask): Promise<number>
  evaluateRelease(input: EvaluateInput): Promise<Evaluated>
  /** Saves how two releases differ; returns the digest of that document in the raw archive. */
  diffReleases(input: DiffInput): Promise<string>
  /** Copies the histories of a run and of all that it started into the bucket; null while one of them has not ended. */
  archive(root: Execution): Promise<Archived | null>
  /** Lists what no release and no running workflow names. */
  planCollection(): Promise<Collected>
  /** Deletes what of such a list is still unnamed. */
  collect(task: CollectTask): Promise<Collected>
  /** Executes a recorded stage activity again in a scratch store and compares what it makes. */
  reexecute(recorded: Recorded): Promise<Verdict>
}
