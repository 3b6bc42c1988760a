// What the pages of runs show, asked of Temporal and the bucket: kept for as long as a page takes to ask again, whoever asks.
import type { Client } from '@temporalio/client'
import { channelsOf, readRelease } from '../../client/catalogue.ts'
import { progressOf } from '../../client/execute.ts'
import { stepsOf } from '../../client/operator.ts'
import { troublesOf } from '../../client/processes/troubles.ts'
import { describe, inputOf, reasonOf, runs } from '../../client/runs.ts'
import { workflowIds } from '../../domain/contract/names.ts'
import type { Progress } from '../../domain/contract/run.ts'
import type { Digest } from '../../domain/recipe.ts'
import type { Gate, SagaStep } from '../../domain/operator.ts'
import { isPoison, type Hole } from '../../domain/release.ts'
import { mapBounded } from '../../storage/bounded.ts'
import type { SloReport } from '../../domain/slo/slo.ts'
import { entriesBelow, nodeReader } from '../../storage/index-nodes.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { notFound } from '../problem.ts'
import type { SloLevels } from './slo-routes.ts'
import type { Of } from './actions.ts'
import { cached, turns } from '../turns.ts'

/** Runs that the list has; and those under way that are asked how far they are. */
const LISTED = 200
const ASKED = 20
/** Holes that a page shows of each kind. */
const HOLES = 100
const FRESH_MS = 1500
/** Why nothing moves on is looked for in everything that is open below a run. */
const TROUBLES_MS = 10_000
/** When a run would end is worked out from all its histories. */
const FORECAST_MS = 30_000

export type Runs = ReturnType<typeof runsOf>
export type ListedRun = Awaited<ReturnType<typeof listed>>[number]
export type RunView = Awaited<ReturnType<Runs['show']>>

const tick = (ms: number): number => Math.floor(Date.now() / ms)

export function runsOf(objects: ObjectStore, connected: (() => Promise<Client>) | undefined, levels: SloLevels) {
  const client = async (): Promise<Client> => {
    if (!connected) throw notFound('this server does not know where Temporal is', 'start it with TEMPORAL_ADDRESS set')
    return connected()
  }
  const turn = turns(4, 64)
  const list = cached(2, () => turn(async () => listed(await client())))
  const input = cached(64, async (_: string, workflowId: string, runId: string) =>
    inputOf(await client(), workflowId, runId),
  )
  const holes = cached(32, (_: string, roots: Progress['roots']) => holesBehind(objects, roots))
  const ending = cached(32, async (_: string, subject: string) => (await levels(subject)).schedule)
  const troubles = cached(32, async (_: string, workflowId: string) =>
    troublesOf(await client(), 'the address of this server', [workflowId]),
  )
  const forecast = (subject: string): Promise<SloReport['schedule'] | null> => {
    const found = ending(`${subject} ${tick(FORECAST_MS)}`, subject).catch(() => null)
    // The page does not wait for it: the next one has it.
    return Promise.race([found, new Promise<null>(done => setTimeout(done, 500, null))])
  }

  const view = async (dataset: string, run: string) => {
    const temporal = await client()
    const workflowId = workflowIds.reconstruct(dataset, run)
    const found = await describe(temporal, workflowId)
    if (!found) throw notFound(`there is no run ${run} of ${dataset}`, 'the list at /runs has what there is')
    const open = found.status === 'RUNNING'
    const of = [workflowId, workflowIds.release({ dataset, run })]
    const [progress, given, why, ...waits] = await Promise.all([
      progressOf(temporal, workflowId),
      input(found.runId, workflowId, found.runId),
      open ? troubles(`${workflowId} ${tick(TROUBLES_MS)}`, workflowId) : [],
      ...of.map(id => stepsOf(temporal, id)),
    ])
    const gates: Of<Gate>[] = waits.flatMap((w, i) => w.gates.map(g => ({ ...g, workflowId: of[i]! })))
    const waitsForRelease = gates.some(g => g.workflowId === of[1] && !g.decided)
    const roots = progress?.roots ?? {}
    return {
      dataset,
      run,
      workflowId,
      ...found,
      input: given,
      progress,
      gates,
      steps: waits.flatMap((w, i): Of<SagaStep>[] => w.steps.map(s => ({ ...s, workflowId: of[i]! }))),
      candidate: waitsForRelease ? await candidateOf(temporal, objects, dataset, of[1]!) : undefined,
      quarantined: await holes(JSON.stringify(roots), roots),
      troubles: why,
      failure: open || found.status === 'COMPLETED' ? null : await reasonOf(temporal, workflowId),
      /** When it would end at this speed; null where nothing says so yet. */
      schedule: open ? await forecast(`${dataset}/${run}`) : null,
    }
  }
  const rollbacks = cached(32, (_: string, dataset: string) =>
    turn(async () => {
      const temporal = await client()
      const query = `WorkflowType = "rollback" AND ExecutionStatus = "Running" AND HillockDataset = "${dataset}"`
      const steps: Of<SagaStep>[] = []
      for await (const { workflowId } of temporal.workflow.list({ query }))
        for (const s of (await stepsOf(temporal, workflowId)).steps) steps.push({ ...s, workflowId })
      return steps
    }),
  )
  const show = cached(32, (_: string, dataset: string, run: string) => turn(() => view(dataset, run)))
  return {
    /** Undefined where the server does not know of a Temporal. */
    list: async () => (connected ? list(`${tick(FRESH_MS)}`) : undefined),
    /** Steps of the rollbacks of a dataset that are under way. */
    rollbacks: (dataset: string) => rollbacks(`${dataset} ${tick(FRESH_MS)}`, dataset),
    /** @throws Problem 404 where there is no such run (any more) */
    show: (dataset: string, run: string) => show(`${dataset}/${run} ${tick(FRESH_MS)}`, dataset, run),
  }
}

async function listed(client: Client) {
  const rows = await runs(client, LISTED)
  const asked = new Set(rows.filter(r => r.status === 'RUNNING').slice(0, ASKED))
  return mapBounded(rows, 8, async row => {
    const [, dataset, run] = row.workflowId.split('/') as [string, string, string]
    if (!asked.has(row)) return { ...row, dataset, run, progress: undefined, gates: [] as Gate[] }
    const [progress, own, release] = await Promise.all([
      progressOf(client, row.workflowId),
      stepsOf(client, row.workflowId),
      stepsOf(client, workflowIds.release({ dataset, run })),
    ])
    return { ...row, dataset, run, progress, gates: [...own.gates, ...release.gates].filter(g => !g.decided) }
  })
}

/** A candidate that waits for approval, and the release that it would take the place of. */
async function candidateOf(client: Client, objects: ObjectStore, dataset: string, releaseWorkflow: string) {
  const release = (await describe(client, releaseWorkflow))?.release
  const candidate = release ? await readRelease(objects, dataset, release) : undefined
  if (!candidate) return undefined
  const now = (await channelsOf(objects, dataset))['published']?.release
  return { candidate, published: now === undefined ? undefined : await readRelease(objects, dataset, now) }
}

/** What the phases that are done had to leave out; `more` where there is more than these. */
async function holesBehind(objects: ObjectStore, roots: Readonly<Record<string, Digest>>) {
  const blocks: Hole[] = []
  const others: Hole[] = []
  const withHoles = entriesBelow(nodeReader(objects), Object.values(roots), (_, sum) => (sum?.holes ?? 0) > 0)
  for await (const { holes = [] } of withHoles)
    for (const hole of holes) {
      const kind = isPoison(hole) ? blocks : others
      if (kind.length >= HOLES) return { blocks, others, more: true }
      kind.push(hole)
    }
  return { blocks, others, more: false }
}
