// The stages of one region within one phase: those that read each other in order, the others side by side.
import { runStage } from './stage.ts'
import type { Outcome } from '../domain/contract.ts'
import { stageNames, stages, type StageName } from '../domain/stages.ts'
import type { CellStage, CellTask } from '../domain/tasks.ts'

export interface RegionInput {
  readonly phase: string
  readonly task: CellTask
}

/** Region-scope stages of a phase, in the order of the table. */
export const regionStages = (phase: string): StageName[] =>
  stageNames.filter(s => stages[s].phase === phase && stages[s].scope === 'region')

export async function region({ phase, task }: RegionInput): Promise<Outcome[]> {
  const started = new Map<string, Promise<Outcome>>()
  for (const stage of regionStages(phase)) {
    const before = stages[stage].inputs.flatMap(i => started.get(i) ?? [])
    started.set(
      stage,
      Promise.all(before).then(own => {
        const refs = { ...task.refs }
        for (const o of own) refs[o.stage] = { [task.cell]: o.ref }
        return runStage(stage as CellStage, task.cell, { ...task, refs })
      }),
    )
  }
  return Promise.all(started.values())
}
