// `hillock approve`, `hillock reject`, `hillock resolve`: what a person says to a workflow that waits for it.
import { HillockError } from '../../domain/errors.ts'
import * as messages from '../../domain/contract/messages.ts'
import type { GateDecision } from '../../domain/operator.ts'
import { connect } from '../connection.ts'
import { decide as answer, update, waiting } from '../operator.ts'
import { operator } from './control.ts'
import { say, type JsonOption } from '../report.ts'
import { runningStack } from '../stack.ts'

interface Options extends JsonOption {
  readonly reason: string
}

function only<T>(found: readonly T[], what: string, name: (t: T) => string): T {
  if (found.length === 1) return found[0]!
  const list = found.length === 0 ? 'none' : found.map(name).join(', ')
  throw new HillockError('ConfigError', `say which ${what} is meant; there are: ${list}`)
}

export async function decide(
  run: string,
  gate: string | undefined,
  decision: GateDecision['decision'],
  o: Options,
): Promise<void> {
  const client = await connect(runningStack().temporal)
  const open = (await waiting(client, run)).flatMap(w => w.gates.map(g => ({ ...g, workflowId: w.workflowId })))
  const named = (g: (typeof open)[number]): string => `${g.gate} of ${g.workflowId}`
  const chosen = only(gate === undefined ? open : open.filter(g => g.gate === gate), 'open gate', named)
  const by = operator()
  const decided = await answer(client, chosen.workflowId, chosen.gate, decision, { by, reason: o.reason })
  say(o, { workflowId: chosen.workflowId, ...decided }, `${named(chosen)}: ${decision} by ${by}`)
}

export async function resolve(workflow: string, action: string, step: string | undefined, o: Options): Promise<void> {
  const client = await connect(runningStack().temporal)
  const stuck = (await waiting(client, workflow)).flatMap(w => w.stuck.map(s => ({ ...s, workflowId: w.workflowId })))
  const named = (s: (typeof stuck)[number]): string => `${s.name} of ${s.workflowId}`
  const chosen = only(step === undefined ? stuck : stuck.filter(s => s.name === step), 'failing step', named)
  const order = { step: chosen.name, action, author: operator(), reason: o.reason }
  const steps = await update(client, chosen.workflowId, messages.resolve, order)
  say(o, { workflowId: chosen.workflowId, steps }, `${named(chosen)}: ${action} by ${order.author}`)
}
