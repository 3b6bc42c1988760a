// `hillock pause` and `hillock resume`: a run, one of its stages, or one of its regions.
import { updates } from '../../domain/contract.ts'
import { scopeName, type Pause } from '../../domain/control.ts'
import type { StageName } from '../../domain/stages.ts'
import { connect } from '../connection.ts'
import { numberOf } from '../numbers.ts'
import { update } from '../operator.ts'
import { runningStack } from '../stack.ts'
import { findRun } from './status.ts'

interface Scope {
  readonly json?: boolean
  readonly stage?: string
  readonly region?: string
  readonly reason: string
  readonly budget?: string
}

export const operator = (): string => process.env['USER'] ?? 'operator'

export const pause = (run: string, o: Scope): Promise<void> => order(run, o, updates.pause)
export const resume = (run: string, o: Scope): Promise<void> => order(run, o, updates.resume)

async function order(run: string, o: Scope, what: 'pause' | 'resume'): Promise<void> {
  const client = await connect(runningStack().temporal)
  const { workflowId } = await findRun(client, run)
  const scope = {
    stage: (o.stage ?? null) as StageName | null,
    region: o.region ?? null,
    by: operator(),
    reason: o.reason,
  }
  const pauses = await update<readonly Pause[]>(
    client,
    workflowId,
    what,
    what === 'pause' ? scope : { ...scope, budget: o.budget === undefined ? null : numberOf('--budget', o.budget) },
  )
  if (o.json) console.log(JSON.stringify({ workflowId, pauses }))
  else {
    console.log(
      `${workflowId}: ${scopeName(scope)} ${what === 'pause' ? 'is paused: what is under way ends, nothing new begins' : 'goes on'}`,
    )
    for (const p of pauses) console.log(`  paused: ${scopeName(p)}, by ${p.by}: ${p.reason}`)
  }
}
