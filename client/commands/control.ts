// `hillock pause` and `hillock resume`: a run, one of its stages, or one of its regions.
import { scopeName } from '../../domain/control.ts'
import type { StageName } from '../../domain/stages.ts'
import { onRunningStack } from '../call.ts'
import { numberOf } from '../numbers.ts'
import * as operate from '../operator.ts'
import { say, type JsonOption } from '../report.ts'
import { findRun } from '../runs.ts'

interface Options extends operate.Scope, JsonOption {
  readonly reason: string
  readonly budget?: string
}

export const operator = (): string => process.env['USER'] ?? 'operator'

export const pause = (run: string, o: Options): Promise<void> => order(run, o, 'pause')
export const resume = (run: string, o: Options): Promise<void> => order(run, o, 'resume')

async function order(run: string, o: Options, what: 'pause' | 'resume'): Promise<void> {
  const { client } = await onRunningStack()
  const { workflowId } = await findRun(client, run)
  const budget = o.budget === undefined ? null : numberOf('--budget', o.budget)
  const pauses = await operate[what](client, workflowId, o, { by: operator(), reason: o.reason }, budget)
  const scope = scopeName({ stage: (o.stage ?? null) as StageName | null, region: o.region ?? null })
  say(o, { workflowId, pauses }, [
    `${workflowId}: ${scope} ${what === 'pause' ? 'is paused: what is under way ends, nothing new begins' : 'goes on'}`,
    ...pauses.map(p => `  paused: ${scopeName(p)}, by ${p.by}: ${p.reason}`),
  ])
}
