// Subtrees of a phase (index nodes over many cells, regions, batches of sections): what is asked of one, and what became of it.
import type { Pause } from '../control.ts'
import type { Node } from '../index/tree.ts'
import type { Refs } from './artifacts.ts'
import type { RunContext, Roots, StageCount } from './run.ts'

/** Some node of a phase: a fan-out over many cells, a region or a batch of sections. */
export interface Subtree {
  readonly context: RunContext
  readonly phase: string
  /** Level 0 is a cell. */
  readonly node: Node
  readonly roots: Roots
  /** Where a phase goes from the root down: artifacts of the parent node, by stage. */
  readonly fromParent?: Readonly<Record<string, Refs>>
  /** What is held back just now. */
  readonly pauses?: readonly Pause[]
  /** The run hears whenever so much more has been spent; absent when it has no budget. */
  readonly reportEvery?: number
}

export interface Saved {
  /** IndexNode that lists what was made or found, in the raw archive. */
  readonly page: string
  /** Identity of the files that its sections were read from: part of what names it. */
  readonly source?: string
}

/** What became of a subtree. */
export interface SubtreeResult extends Saved {
  readonly counts: readonly StageCount[]
  /** Artifacts of this very node, by stage, for its parent. */
  readonly forParent: Readonly<Record<string, Refs>>
}

/** What is known before any work: the whole subtree, or those below it that are the same as in an earlier run. */
export interface CacheLookup {
  readonly found: SubtreeResult | null
  readonly below: readonly (SubtreeResult | null)[]
}
