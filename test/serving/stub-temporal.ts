// A Temporal of two runs, one of them at a gate, as far as the pages of runs ask it; what is sent to it is kept.
import type { Client } from '@temporalio/client'
import { readRunFile } from '../../client/run-file.ts'
import { sameScope, type Pause } from '../../domain/control.ts'
import type { Progress } from '../../domain/contract/run.ts'
import type { Gate } from '../../domain/operator.ts'

export const UNDER_WAY = 'reconstruct/blobs/first'
const ENDED = 'reconstruct/blobs/before'
const START = new Date('2026-01-01T00:00:00Z')

export interface StubTemporal {
  readonly client: Client
  readonly sent: { readonly workflowId: string; readonly update: string; readonly arg: unknown }[]
  /** That the run under way has come to. */
  readonly gates: Gate[]
  /** What the next update is refused with. */
  refusal: string | null
}

export function stubTemporal(): StubTemporal {
  const config = readRunFile('test/fixtures/tiny.yaml')
  const count = { found: 0, retries: 0, seconds: 2, voxels: 0, cost: 0.001, started: Number(START), ended: 0 }
  let asked = 0
  const gate: Gate = {
    gate: 'look',
    summary: 'before phase tree',
    choices: ['approve', 'reject'],
    opened: 0,
    decided: null,
  }
  const gates = [gate]
  let pauses: readonly Pause[] = []
  const progress = (): Progress => ({
    phase: 'maps',
    release: null,
    open: [],
    roots: {},
    pauses,
    // It moves on each time.
    stages: [
      { ...count, stage: 'render', total: 1000, made: ++asked, quarantined: 1 },
      { ...count, stage: 'affinity', total: 1000, made: 0, quarantined: 0 },
    ],
  })
  const stub: Omit<StubTemporal, 'client'> = { sent: [], gates, refusal: null }
  const about = (workflowId: string) => ({
    workflowId,
    runId: 'a-run',
    status: { name: workflowId === ENDED ? 'COMPLETED' : 'RUNNING' },
    startTime: START,
    closeTime: workflowId === ENDED ? new Date('2026-01-01T01:00:00Z') : undefined,
    typedSearchAttributes: { get: () => undefined },
    raw: {},
  })
  const lost = (): never => {
    throw Object.assign(new Error('no such workflow'), { name: 'WorkflowNotFoundError' })
  }
  const getHandle = (workflowId: string) => ({
    describe: async () => ([UNDER_WAY, ENDED].includes(workflowId) ? about(workflowId) : lost()),
    query: async ({ name }: { name: string }) =>
      workflowId !== UNDER_WAY ? lost() : name === 'progress' ? progress() : name === 'gates' ? gates : [],
    executeUpdate: async ({ name }: { name: string }, { args: [arg] }: { args: [Record<string, string>] }) => {
      stub.sent.push({ workflowId, update: name, arg })
      if (stub.refusal !== null)
        throw Object.assign(new Error(), { name: 'WorkflowUpdateFailedError', cause: new Error(stub.refusal) })
      if (name === 'decide')
        gates[0] = { ...gate, decided: { ...(arg as never as NonNullable<Gate['decided']>), at: 0 } }
      const given = arg as never as Pause
      if (name === 'pause') pauses = [...pauses, given]
      if (name === 'resume') pauses = pauses.filter(p => !sameScope(p, given))
      return name === 'decide' ? gates[0] : pauses
    },
  })
  async function* list({ query }: { query: string }) {
    if (query.includes('reconstruct'))
      yield* [UNDER_WAY, ENDED].filter(id => id === UNDER_WAY || !query.includes('Running')).map(about)
  }
  const data = Buffer.from(JSON.stringify({ dataset: 'blobs', run: 'first', config }))
  const begun = { workflowExecutionStartedEventAttributes: { input: { payloads: [{ data }] } } }
  const client = {
    options: { namespace: 'default' },
    connection: { withDeadline: async (_: number, work: () => Promise<void>) => work() },
    workflow: { list, getHandle },
    workflowService: { getWorkflowExecutionHistory: async () => ({ history: { events: [begun] } }) },
  } as unknown as Client
  return Object.assign(stub, { client })
}
