// Approval gates: a workflow waits until somebody approves or rejects by an Update, from the command line or from Temporal's UI.
import { ApplicationFailure, condition, log, setHandler } from '@temporalio/workflow'
import { showPart } from './details.ts'
import * as messages from '../domain/contract/messages.ts'
import { refuseDecision, type Gate, type GateDecision } from '../domain/operator.ts'

/** The gates that this workflow has come to, in order. */
const gates: Gate[] = []

/** Waits, for as long as it takes, until gate `name` is decided; names are used once per workflow. */
export async function gate(
  name: string,
  summary: string,
  choices: Gate['choices'] = ['approve', 'reject'],
): Promise<NonNullable<Gate['decided']>> {
  const own = (): Gate => gates.find(g => g.gate === name)!
  log.info('waits at a gate', { gate: name, summary })
  gates.push({ gate: name, summary, choices, opened: Date.now(), decided: null })
  handle()
  show()
  await condition(() => own().decided !== null)
  return own().decided!
}

/** What a rejection ends a workflow with. */
export const rejected = (d: GateDecision): ApplicationFailure =>
  ApplicationFailure.nonRetryable(`rejected at gate ${d.gate} by ${d.author}: ${d.reason}`, 'GateRejected')

function handle(): void {
  setHandler(messages.gates, () => gates)
  setHandler(
    messages.decide,
    ({ gate, decision, author, reason }) => {
      const i = gates.findIndex(g => g.gate === gate)
      log.info('decided', { gate, decision, author, reason })
      gates[i] = { ...gates[i]!, decided: { gate, decision, author, reason, at: Date.now() } }
      show()
      return gates[i]
    },
    {
      validator: d => {
        const why = refuseDecision(gates, d)
        if (why !== null) throw ApplicationFailure.nonRetryable(why, 'ConfigError')
      },
      description: 'decides a gate: {gate, decision, author, reason}',
    },
  )
}

function show(): void {
  const lines = gates.map(({ gate, summary, choices, decided }) =>
    decided
      ? `- gate ${gate}: ${decided.decision} by ${decided.author}: ${decided.reason}`
      : `- **gate ${gate} is open**: ${summary}. Send the Update \`${messages.decide.name}\`: \`{"gate": "${gate}", "decision": "${choices.join('|')}", "author": "...", "reason": "..."}\``,
  )
  showPart('gates', lines.join('\n'))
}
