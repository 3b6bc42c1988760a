// Counts of a run, stage by stage, as the progress query and the current details in Temporal's UI show them.
import { showPart, tableOf } from './details.ts'
import type { Progress, Roots, StageCount, StageProgress } from '../domain/contract/run.ts'
import { foundAgain, noCount, plus } from '../domain/slo/counts.ts'
import { scopeName, type Pause } from '../domain/control.ts'
import { stageNames, type StageName } from '../domain/stages.ts'

const empty = (stage: StageName): StageProgress => ({ ...noCount(stage), total: 0, started: 0, ended: 0 })

export class Tracker {
  private readonly rows = new Map<StageName, StageProgress>()
  /** Ids of the fan-outs below, and what is held back; set by the control. */
  open: () => readonly string[] = () => []
  pauses: readonly Pause[] = []
  phase: string
  release: string | null = null
  roots: Roots = {}

  constructor(phase: string) {
    this.phase = phase
  }

  /** Announces that `total` artifacts of `stage` will be looked for: once more where it was made before in the same run. */
  expect(stage: StageName, total: number): void {
    const before = this.rows.get(stage) ?? { ...empty(stage), started: Date.now() }
    this.rows.set(stage, { ...plus(before, foundAgain(before)), total })
  }

  add(counts: readonly StageCount[]): void {
    for (const c of counts) {
      const row = this.rows.get(c.stage) ?? empty(c.stage)
      const next = { ...plus(row, c), ended: Date.now() }
      this.rows.set(c.stage, { ...next, total: Math.max(next.total, next.made + next.found) })
    }
    this.show()
  }

  /** Puts the state into Temporal's UI. */
  show(): void {
    showPart('stages', this.details())
  }

  stages(): StageProgress[] {
    return stageNames.flatMap(s => this.rows.get(s) ?? [])
  }

  progress(): Progress {
    const { phase, release, pauses, roots } = this
    return { phase, stages: this.stages(), release, open: this.open(), pauses, roots }
  }

  cost(): number {
    return this.stages().reduce((sum, r) => sum + r.cost, 0)
  }

  private details(): string {
    const rows = this.stages().map(r => [
      r.stage,
      `${r.made + r.found}/${r.total}`,
      r.made,
      Math.max(0, r.found),
      r.quarantined,
      r.retries,
    ])
    const paused = this.pauses.map(p => `**PAUSED: ${scopeName(p)}**, by ${p.by}: ${p.reason}\n`)
    return [...paused, tableOf(['stage', 'done', 'made', 'found', 'quarantined', 'retries'], rows)].join('\n')
  }
}
