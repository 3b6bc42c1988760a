// Archiving, audit and garbage collection: what their workflows and activities are given and answer.
import type { Digest } from '../recipe.ts'
import type { StageName } from '../stages.ts'

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
