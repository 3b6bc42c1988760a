// What people say to a running workflow (decisions at gates, orders about compensations that keep failing) and what they are shown.

/** Who a release is published by where nobody has to approve it; else it is whoever decides at this gate of its run. */
export const AUTOMATIC = 'automatic'
export const RELEASE_GATE = 'release'

interface Said {
  readonly author: string
  readonly reason: string
}

export interface GateDecision extends Said {
  readonly gate: string
  /** `retry`: only where the gate offers it. */
  readonly decision: 'approve' | 'reject' | 'retry'
}

/** A gate that a workflow has come to; open while `decided` is null. */
export interface Gate {
  readonly gate: string
  /** What is to be decided, for people. */
  readonly summary: string
  /** What can be decided. */
  readonly choices: readonly GateDecision['decision'][]
  /** Milliseconds since the epoch by the workflow's clock. */
  readonly opened: number
  readonly decided: (GateDecision & { readonly at: number }) | null
}

/** What is to become of a step that keeps failing: tried again, left as it is, or taken for done because somebody did it by hand. */
export interface StepOrder extends Said {
  readonly step: string
  readonly action: 'retry' | 'skip' | 'done'
}

export type StepState =
  | 'running'
  | 'done'
  | 'failed'
  | 'undoing'
  | 'undone'
  /** Keeps failing and waits for an operator. */
  | 'stuck'
  | 'skipped'
  | 'done by hand'

/** One step of a saga, or what undoes it. */
export interface SagaStep {
  readonly name: string
  readonly state: StepState
  /** Last failure. */
  readonly error: string | null
  readonly orders: readonly StepOrder[]
}

const unsigned = ({ author, reason }: Partial<Said>): string | null =>
  !author?.trim() ? 'author: say who you are' : !reason?.trim() ? 'reason: say why, for the record' : null

const oneOf = (list: readonly string[]): string => list.join(', ') || 'none'

/** Why a decision is not taken; null if it is. */
export function refuseDecision(gates: readonly Gate[], d: GateDecision): string | null {
  const gate = gates.find(g => g.gate === d.gate)
  const open = gates.filter(g => !g.decided).map(g => g.gate)
  if (!gate) return `gate: there is no gate ${d.gate}; open are: ${oneOf(open)}`
  if (!gate.choices.includes(d.decision)) return `decision: ${gate.choices.join(', ')}; not ${String(d.decision)}`
  if (gate.decided) return `gate ${d.gate} was decided already: ${gate.decided.decision} by ${gate.decided.author}`
  return unsigned(d)
}

const ACTIONS: readonly string[] = ['retry', 'skip', 'done']

/** Why an order is not taken; null if it is. */
export function refuseOrder(steps: readonly SagaStep[], o: StepOrder): string | null {
  const stuck = steps.filter(s => s.state === 'stuck').map(s => s.name)
  if (!stuck.includes(o.step)) return `step: ${o.step} does not wait for an operator; those that do: ${oneOf(stuck)}`
  if (!ACTIONS.includes(o.action)) return `action: ${oneOf(ACTIONS)}, not ${String(o.action)}`
  return unsigned(o)
}
