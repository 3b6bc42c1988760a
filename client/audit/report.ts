// What an audit says: counts of what was looked at, and every finding by name.
import type { Difference } from '../../domain/provenance/differences.ts'
import type { Execution } from '../../domain/provenance/history.ts'
import type { Finding as Proven } from '../verify.ts'

export interface Finding extends Proven {
  readonly check: 'manifest' | 'history' | 'replay' | 'lineage' | 're-execution'
}

const none = {
  /** Histories that Temporal still holds too, and those that it has dropped. */
  onServer: 0,
  goneFromServer: 0,
  replayed: 0,
  /** Lineage records that were read, complete and consistent. */
  artifacts: 0,
  /** Answers of stage activities in the histories that were held against lineage. */
  answers: 0,
  activities: 0,
  reexecuted: 0,
  artifactsRemade: 0,
  artifactsEqual: 0,
}

/** Findings of one check about one thing are one line of the report. */
export class Findings {
  readonly list: Finding[] = []
  readonly counts = { ...none }

  add(check: Finding['check'], what: string, why: string, at?: Difference): undefined {
    if (!this.list.some(f => f.check === check && f.what === what && f.why === why && f.field === at?.field))
      this.list.push({ check, what, why, ...at })
  }
}

export interface Report {
  readonly dataset: string
  readonly release: string
  readonly digest: string
  /** sha256 of all that the manifest says. */
  readonly manifest: string
  readonly run: Execution
  /** Digest of the index of the run's archive; null when there is no archive. */
  readonly archive: string | null
  readonly at: string
  /** Revision whose workflow code replayed the histories. */
  readonly codeRevision: string
  readonly seed: string
  readonly counts: typeof none
  /** Differences in revision or runtime between the recorded and the repeated executions, with their number. */
  readonly runtime: Readonly<Record<string, number>>
  readonly findings: readonly Finding[]
  readonly ok: boolean
}
