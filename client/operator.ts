// What waits for a person: open gates and steps that keep failing, of every workflow that is running.
import type { Client } from '@temporalio/client'
import type { QueryDefinition, UpdateDefinition } from '@temporalio/common'
import { causeOf } from './execute.ts'
import { isCalled } from './names.ts'
import { configError, isHillockError } from '../domain/errors.ts'
import type { Pause } from '../domain/control.ts'
import type { StageName } from '../domain/stages.ts'
import * as messages from '../domain/contract/messages.ts'
import type { Gate, GateDecision, SagaStep } from '../domain/operator.ts'

export interface Waiting {
  readonly workflowId: string
  readonly gates: readonly Gate[]
  readonly stuck: readonly SagaStep[]
}

const TYPES = ['reconstruct', 'release', 'rollback']

/** A workflow that has no gate, or is not answered for just now, has nothing to show. */
const ask = async <T>(
  client: Client,
  workflowId: string,
  query: QueryDefinition<readonly T[]>,
): Promise<readonly T[]> =>
  client.workflow
    .getHandle(workflowId)
    .query(query)
    .catch((e: unknown) => {
      // Without the key, somebody would think that nothing waits.
      if (isHillockError(e)) throw e
      return []
    })

/** The gates that a workflow has come to, and the steps of its saga. */
export async function stepsOf(
  client: Client,
  workflowId: string,
): Promise<{ gates: readonly Gate[]; steps: readonly SagaStep[] }> {
  const [gates, steps] = await Promise.all([
    ask(client, workflowId, messages.gates),
    ask(client, workflowId, messages.saga),
  ])
  return { gates, steps }
}

/** @param name a workflow id or the name of a run; everything if left out. */
export async function waiting(client: Client, name?: string): Promise<Waiting[]> {
  const out: Waiting[] = []
  const types = TYPES.map(t => `WorkflowType = "${t}"`).join(' OR ')
  for await (const { workflowId } of client.workflow.list({ query: `ExecutionStatus = "Running" AND (${types})` })) {
    if (name !== undefined && !isCalled(workflowId, name)) continue
    const { gates, steps } = await stepsOf(client, workflowId)
    const [open, stuck] = [gates.filter(g => !g.decided), steps.filter(s => s.state === 'stuck')]
    if (open.length + stuck.length > 0) out.push({ workflowId, gates: open, stuck })
  }
  return out.sort((a, b) => (a.workflowId < b.workflowId ? -1 : 1))
}

/** Tells once of each gate and each failing step that comes to wait for a person; each look asks all that is under way, so there is one every few seconds. */
export function announcer(client: Client, concerns: (workflowId: string) => boolean, tell: (line: string) => void) {
  const told = new Set<string>()
  let asked = 0
  return async (): Promise<void> => {
    if (Date.now() - asked < 5000) return
    asked = Date.now()
    const found = await waiting(client).catch(() => [])
    for (const line of waitingLines(found.filter(w => concerns(w.workflowId)))) {
      if (!told.has(line)) tell(line)
      told.add(line)
    }
  }
}

/** The one that is meant. @throws HillockError ConfigError where there is none, or several */
export function only<T>(found: readonly T[], what: string, name: (t: T) => string): T {
  if (found.length === 1) return found[0]!
  const list = found.length === 0 ? 'none' : found.map(name).join(', ')
  throw configError(`say which ${what} is meant; there are: ${list}`)
}

/** The open gate of a run or workflow; with a name where it has several. @throws HillockError ConfigError */
export async function openGate(client: Client, run: string, gate?: string): Promise<Gate & { workflowId: string }> {
  const open = (await waiting(client, run)).flatMap(w => w.gates.map(g => ({ ...g, workflowId: w.workflowId })))
  const named = gate === undefined ? open : open.filter(g => g.gate === gate)
  return only(named, 'open gate', g => `${g.gate} of ${g.workflowId}`)
}

export interface Order {
  readonly by: string
  readonly reason: string
}
/** A stage or a region; neither: the whole run. */
export interface Scope {
  readonly stage?: string | undefined
  readonly region?: string | undefined
}
const scopeOf = ({ stage, region }: Scope, order: Order): Pause => ({
  stage: (stage ?? null) as StageName | null,
  region: region ?? null,
  ...order,
})

/** Holds back what a run, a stage or a region would begin; returns the pauses that stand. */
export const pause = (client: Client, workflowId: string, scope: Scope, order: Order): Promise<readonly Pause[]> =>
  update(client, workflowId, messages.pause, scopeOf(scope, order))

/** Lets it go on. @param budget a new limit of cost; null: as before */
export const resume = (
  client: Client,
  workflowId: string,
  scope: Scope,
  order: Order,
  budget: number | null = null,
): Promise<readonly Pause[]> => update(client, workflowId, messages.resume, { ...scopeOf(scope, order), budget })

/** Answers at an open gate. */
export const decide = (
  client: Client,
  workflowId: string,
  gate: string,
  decision: GateDecision['decision'],
  { by, reason }: Order,
): Promise<Gate> => update(client, workflowId, messages.decide, { gate, decision, author: by, reason })

/** Sends an Update. @throws HillockError ConfigError with the reason when the workflow does not take it. */
export async function update<R, T>(
  client: Client,
  workflowId: string,
  message: UpdateDefinition<R, [T]>,
  arg: T,
): Promise<R> {
  try {
    return await client.workflow.getHandle(workflowId).executeUpdate(message, { args: [arg] })
  } catch (e) {
    // By its name: Temporal's client is loaded by what connects to it, see connection.ts.
    if ((e as Error).name === 'WorkflowUpdateFailedError') throw configError(causeOf(e).message)
    throw e
  }
}

export const waitingLines = (all: readonly Waiting[]): string[] =>
  all.flatMap(({ workflowId, gates, stuck }) => [
    ...gates.map(
      g =>
        `gate ${g.gate} is open: ${g.summary}\n  ./hillock ${g.choices.join('|')} ${workflowId} ${g.gate} --reason "..."`,
    ),
    ...stuck.map(
      s =>
        `${workflowId}: ${s.name} keeps failing: ${s.error}\n  ./hillock resolve ${workflowId} retry|skip|done --reason "..."`,
    ),
  ])
