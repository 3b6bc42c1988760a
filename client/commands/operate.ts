// What a person says to a workflow: `hillock pause` and `resume` hold back a run, a stage or a region; `approve`, `reject`, `retry` and `resolve` answer one that waits.
import * as messages from '../../domain/contract/messages.ts'
import { scopeName } from '../../domain/control.ts'
import type { GateDecision } from '../../domain/operator.ts'
import type { StageName } from '../../domain/stages.ts'
import { onRunningStack } from '../call.ts'
import { numberOf } from '../numbers.ts'
import * as operate from '../operator.ts'
import { say, type JsonOption } from '../report.ts'
import { findRun } from '../runs.ts'

interface Options extends JsonOption {
  readonly reason: string
}

export const operator = (): string => process.env['USER'] ?? 'operator'

type ScopedOptions = Options & operate.Scope & { readonly budget?: string }

export const pause = (run: string, o: ScopedOptions): Promise<void> => order(run, o, 'pause')
export const resume = (run: string, o: ScopedOptions): Promise<void> => order(run, o, 'resume')

async function order(run: string, o: ScopedOptions, what: 'pause' | 'resume'): Promise<void> {
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

export async function decide(
  run: string,
  gate: string | undefined,
  decision: GateDecision['decision'],
  o: Options,
): Promise<void> {
  const { client } = await onRunningStack()
  const chosen = await operate.openGate(client, run, gate)
  const by = operator()
  const decided = await operate.decide(client, chosen.workflowId, chosen.gate, decision, { by, reason: o.reason })
  say(o, { workflowId: chosen.workflowId, ...decided }, `${chosen.gate} of ${chosen.workflowId}: ${decision} by ${by}`)
}

export async function resolve(workflow: string, action: string, step: string | undefined, o: Options): Promise<void> {
  const { client } = await onRunningStack()
  const stuck = (await operate.waiting(client, workflow)).flatMap(w =>
    w.stuck.map(s => ({ ...s, workflowId: w.workflowId })),
  )
  const named = (s: (typeof stuck)[number]): string => `${s.name} of ${s.workflowId}`
  const chosen = operate.only(step === undefined ? stuck : stuck.filter(s => s.name === step), 'failing step', named)
  const order = { step: chosen.name, action, author: operator(), reason: o.reason }
  const steps = await operate.update(client, chosen.workflowId, messages.resolve, order)
  say(o, { workflowId: chosen.workflowId, steps }, `${named(chosen)}: ${action} by ${order.author}`)
}
