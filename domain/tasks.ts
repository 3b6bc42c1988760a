// What each kind of activity is given: references and coordinates, nothing that grows with the data.
import type {
  Assembled,
  BatchOutcome,
  ChannelMove,
  ChannelValue,
  EvaluateInput,
  IndexEntry,
  Outcome,
  ReconstructInput,
  Refs,
  ReleaseInput,
  RollbackInput,
  RunContext,
  SurveyResult,
} from './contract.ts'
import type { ArtifactRef } from './lineage.ts'
import type { Quality } from './release.ts'
import type { StageName } from './stages.ts'

/** A batch of sections, `first <= z <= last`. */
export interface SectionTask {
  readonly context: RunContext
  readonly first: number
  readonly last: number
  /** Index objects that list the artifacts of these sections (and of the one before) that are known so far. */
  readonly indexes: readonly string[]
  readonly slab: ArtifactRef | null
}

/** One region (level 0) or one node of the region tree, with the artifacts that it reads. */
export interface CellTask {
  readonly context: RunContext
  readonly level: number
  /** Grid coordinate `x_y_z` at that level. */
  readonly cell: string
  /** Artifacts by stage and then by cell key (regions: `x_y_z`; tree nodes: `level/x_y_z`). */
  readonly refs: Readonly<Record<string, Refs>>
  /** Index objects of the sections, for a stage that reads sections. */
  readonly indexes: readonly string[]
}

/** The whole dataset, its artifacts listed in index objects. */
export interface DatasetTask {
  readonly context: RunContext
  readonly indexes: readonly string[]
}

type SectionStage = 'ingest' | 'stitch' | 'match'
export type CellStage = Exclude<StageName, SectionStage | DatasetStage | 'phantom'>
type DatasetStage = 'align' | 'skeleton-join' | 'graph' | 'evaluate'

/** The activities that make artifacts, by stage name. */
export type StageActivities = { phantom(task: SectionTask): Promise<Outcome> } & {
  [S in SectionStage]: (task: SectionTask) => Promise<BatchOutcome>
} & { [S in CellStage]: (task: CellTask) => Promise<Outcome> } & {
  [S in DatasetStage]: (task: DatasetTask) => Promise<Outcome>
}

/** The activities that make no artifact. */
export interface Housekeeping {
  /** Reads the source's layout and checks the run file against it. */
  survey(input: ReconstructInput): Promise<SurveyResult>
  /** Writes an index object; returns its digest in the raw archive. */
  saveIndex(entries: readonly IndexEntry[]): Promise<string>
  /** Writes the release manifest and holds it against the gate of the run file. */
  assemble(input: ReleaseInput): Promise<Assembled>
  publish(move: ChannelMove): Promise<ChannelValue>
  rollBack(input: RollbackInput): Promise<ChannelValue>
  evaluateRelease(input: EvaluateInput): Promise<Quality>
}
