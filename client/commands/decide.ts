// `hillock approve`, `hillock reject`, `hillock resolve`: what a person says to a workflow that waits for it.
import * as messages from '../../domain/contract/messages.ts'
import type { GateDecision } from '../../domain/operator.ts'
import { onRunningStack } from '../call.ts'
import { decide as answer, only, openGate, update, waiting } from '../operator.ts'
import { operator } from './control.ts'
import { say, type JsonOption } from '../report.ts'

interface Options extends JsonOption {
  readonly reason: string
}

export async function decide(
  run: string,
  gate: string | undefined,
  decision: GateDecision['decision'],
  o: Options,
): Promise<void> {
  const { client } = await onRunningStack()
  const chosen = await openGate(client, run, gate)
  const by = operator()
  const decided = await answer(client, chosen.workflowId, chosen.gate, decision, { by, reason: o.reason })
  say(o, { workflowId: chosen.workflowId, ...decided }, `${chosen.gate} of ${chosen.workflowId}: ${decision} by ${by}`)
}

export async function resolve(workflow: string, action: string, step: string | undefined, o: Options): Promise<void> {
  const { client } = await onRunningStack()
  const stuck = (await waiting(client, workflow)).flatMap(w => w.stuck.map(s => ({ ...s, workflowId: w.workflowId })))
  const named = (s: (typeof stuck)[number]): string => `${s.name} of ${s.workflowId}`
  const chosen = only(step === undefined ? stuck : stuck.filter(s => s.name === step), 'failing step', named)
  const order = { step: chosen.name, action, author: operator(), reason: o.reason }
  const steps = await update(client, chosen.workflowId, messages.resolve, order)
  say(o, { workflowId: chosen.workflowId, steps }, `${named(chosen)}: ${action} by ${order.author}`)
}
