// `node bench/scale.ts --blocks 1e6`: the real workflows over so many blocks with activities that do nothing; what orchestration costs.
import { parseArgs } from 'node:util'
import { Client } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { parseRunConfig } from '../domain/config.ts'
import { queues } from '../domain/contract/names.ts'
import type { Outcome } from '../domain/contract/artifacts.ts'
import type { RunContext } from '../domain/contract/run.ts'
import type { SubtreeResult } from '../domain/contract/subtree.ts'
import { noCount } from '../domain/slo/counts.ts'
import { map3, product, type Vec3 } from '../domain/geometry.ts'
import { expected, gridOf, isDatasetPhase, isOfSections, phasesOf } from '../domain/index/phases.ts'
import { stageNames, stages, type StageName } from '../domain/stages.ts'
import { BATCH, rangeName } from '../domain/index/grid.ts'
import type {
  CellTask,
  DatasetTask,
  Housekeeping,
  IndexNodeTask,
  RangeTask,
  SectionTask,
} from '../domain/contract/activities.ts'
import { isSmall, wholePhase } from '../domain/index/order.ts'
import { sha256 } from '../domain/recipe.ts'
import { devServer } from '../test/system/dev-server.ts'
import { workflowBundle } from '../worker/workflow-bundle.ts'
import type { reconstruct } from '../workflows/reconstruct.ts'
import { n, table } from './common/print.ts'

const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '1e4' },
    /** Blocks of a region along x, y and z. */
    region: { type: 'string', default: '4,4,4' },
  },
})
const BLOCK: Vec3 = [128, 128, 64]
const perRegion = values.region.split(',').map(Number) as unknown as Vec3
const region = map3(a => perRegion[a] * BLOCK[a])

/** A dataset of about so many blocks, of nearly as many regions along each axis. */
function contextOf(blocks: number): RunContext {
  const regions = blocks / product(perRegion)
  const side = Math.max(1, Math.round(regions ** (1 / 3)))
  const cells: Vec3 = [side, side, Math.max(1, Math.round(regions / side ** 2))]
  return {
    dataset: 'scale',
    run: String(blocks),
    config: sha256('config'),
    layout: sha256('layout'),
    bounds: { min: [0, 0, 0], max: map3(a => cells[a] * region[a]) },
    region,
    voxelSizeNm: [8, 8, 8],
    through: 'evaluate',
    synthetic: false,
    aligned: false,
  }
}

const outcome = (stage: StageName, cell: string): Outcome => ({
  stage,
  key: cell,
  ref: { stage, recipe: sha256(`${stage}/${cell}`), content: sha256(`content ${stage}/${cell}`) },
  made: true,
  voxels: 1,
  seconds: 0,
  cost: 0,
  retries: 0,
  holes: [],
})
const count = (stage: StageName, made: number): SubtreeResult['counts'][number] => ({
  ...noCount(stage),
  made,
  voxels: made,
})

/** Stage activities that answer at once, with answers of the real size. */
function stubs(context: RunContext): Record<string, (task: never) => Promise<unknown>> {
  const stage = (s: StageName) => async (task: CellTask | DatasetTask | RangeTask | SectionTask) => {
    if ('first' in task && s !== 'phantom')
      return { page: sha256(`${s}${task.first}`), counts: [count(s, task.last - task.first + 1)] }
    if ('range' in task) return outcome(s, rangeName(task.range, task.of))
    const cell = 'cell' in task ? (stages[s].scope === 'node' ? `${task.level}/${task.cell}` : task.cell) : 'all'
    return outcome(s, cell)
  }
  const housekeeping: Partial<Housekeeping> = {
    survey: async () => context,
    lookUpCache: async () => ({ found: null, below: [] }),
    saveIndexNode: async ({ subtree }: IndexNodeTask) => ({
      page: sha256(JSON.stringify(subtree.node) + subtree.phase),
    }),
    assemble: async () => ({
      release: 'scale',
      digest: sha256('release'),
      layerDigests: {},
      quality: {},
      holes: 0,
      channel: 'candidate',
      approval: 'none' as const,
      refusal: 'a simulation is not published',
    }),
  }
  return { ...Object.fromEntries(stageNames.map(s => [s, stage(s)])), ...housekeeping } as never
}

interface Kind {
  runs: number
  events: number
  maxEvents: number
  bytes: number
  maxBytes: number
  transitions: number
}

/** Workflow runs and activities of a dataset, by kind. */
function counted(context: RunContext): { runs: Map<string, number>; activities: number } {
  const phases = phasesOf(context).filter(p => p !== 'release')
  const runs = { reconstruct: 1, release: 1, fanOut: 0 }
  // survey, assemble, and the page of the release
  let activities = 3
  for (const phase of phases) {
    const { node } = wholePhase(context, phase, {})
    const first = stageNames.find(s => stages[s].phase === phase)!
    const grid = gridOf(first, context)
    if (isDatasetPhase(phase)) {
      activities++
      continue
    }
    let fanOuts = 0
    for (let level = node.level; level > 0; level -= grid.span)
      fanOuts += product(map3(a => Math.ceil(grid.cells[a] / 2 ** level)))
    if (!isSmall({ context, phase })) runs.fanOut += fanOuts
    // Every fan-out asks the cache and saves its index nodes.
    activities += 2 * fanOuts
    for (const [s, made] of expected(context))
      if (stages[s].phase === phase) activities += isOfSections(first) ? product(grid.cells) : made
  }
  return { runs: new Map(Object.entries(runs)), activities }
}

async function simulate(context: RunContext): Promise<{ kinds: Map<string, Kind>; seconds: number }> {
  const server = await devServer()
  try {
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
    })
    const connection = await NativeConnection.connect({ address: server.address })
    const shared = { connection, namespace: 'default' }
    const code = { workflowBundle: await workflowBundle(), maxCachedWorkflows: 2000 }
    const activities = stubs(context)
    const workers = await Promise.all([
      Worker.create({ ...shared, taskQueue: queues.workflow, ...code }),
      ...[queues.cpu, queues.index, queues.inference].map(taskQueue =>
        Worker.create({ ...shared, taskQueue, activities, maxConcurrentActivityTaskExecutions: 100 }),
      ),
    ])
    const running = workers.map(w => w.run())
    const client = new Client({ connection: server.connection })
    const began = Date.now()
    const config = parseRunConfig(
      {
        dataset: 'scale',
        voxelSizeNm: [8, 8, 8],
        source: { tiles: [{ section: 0, name: 'a', file: 'a', x: 0, y: 0, width: 1, height: 1 }] },
      },
      'scale',
    )
    const handle = await client.workflow.start<typeof reconstruct>('reconstruct', {
      workflowId: 'reconstruct/scale/1',
      taskQueue: queues.workflow,
      args: [{ dataset: 'scale', run: '1', config }],
    })
    const total = counted(context).activities
    const timer = setInterval(async () => {
      const { count: n } = await client.workflow.count('ExecutionStatus = "Completed"').catch(() => ({ count: 0 }))
      process.stderr.write(
        `${Math.round((Date.now() - began) / 1000)} s: ${n} runs done (of ${total} activities in all)\n`,
      )
    }, 20_000)
    await handle.result()
    clearInterval(timer)
    const seconds = (Date.now() - began) / 1000
    const kinds = new Map<string, Kind>()
    for await (const w of client.workflow.list()) {
      const k = kinds.get(w.type) ?? { runs: 0, events: 0, maxEvents: 0, bytes: 0, maxBytes: 0, transitions: 0 }
      const bytes = w.historySize ?? 0
      kinds.set(w.type, {
        runs: k.runs + 1,
        events: k.events + w.historyLength,
        maxEvents: Math.max(k.maxEvents, w.historyLength),
        bytes: k.bytes + bytes,
        maxBytes: Math.max(k.maxBytes, bytes),
        transitions: k.transitions + Number(w.raw.stateTransitionCount ?? 0),
      })
    }
    for (const w of workers) w.shutdown()
    await Promise.all(running)
    return { kinds, seconds }
  } finally {
    server.stop()
  }
}

const context = contextOf(Number(values.blocks))
const blocks = product(map3(a => context.bounds.max[a] / BLOCK[a]))
const sections = Math.ceil(context.bounds.max[2] / BATCH)
console.log(
  `${n(blocks)} blocks in ${n(blocks / product(perRegion))} regions of ${product(perRegion)}, ${n(sections)} batches of sections, ${n([...expected(context).values()].reduce((a, b) => a + b))} artifacts`,
)
const { kinds, seconds } = await simulate(context)
console.log(
  table(
    ['workflow', 'runs', 'events, mean', 'most', 'history KiB, mean', 'most', 'transitions, mean'],
    [...kinds].map(([k, v]) => [
      k,
      n(v.runs),
      n(v.events / v.runs),
      n(v.maxEvents),
      (v.bytes / v.runs / 1024).toFixed(1),
      (v.maxBytes / 1024).toFixed(1),
      n(v.transitions / v.runs),
    ]),
  ),
)
const transitions = [...kinds.values()].reduce((s, k) => s + k.transitions, 0)
console.log(
  `${seconds.toFixed(0)} s on the dev server: ${n(transitions / seconds)} transitions/s, ${(transitions / blocks).toFixed(2)} per block\n`,
)
const rows = []
for (const size of [1e4, 1e6, 1e8]) {
  const big = contextOf(size)
  const { runs, activities } = counted(big)
  const all = (f: (k: Kind) => number): number =>
    [...runs].reduce((s, [k, r]) => {
      const m = kinds.get(k)
      return s + (m ? (f(m) / m.runs) * r : 0)
    }, 0)
  const t = all(k => k.transitions)
  rows.push([
    size.toExponential(0),
    n([...runs.values()].reduce((a, b) => a + b)),
    n(activities),
    n(t),
    (t / size).toFixed(2),
    (all(k => k.bytes) / 2 ** 30).toFixed(2),
    n(t / 86_400 / 7),
  ])
}
console.log(
  table(
    [
      'blocks',
      'workflow runs',
      'activities',
      'transitions',
      'per block',
      'history GiB',
      'transitions/s if it takes a week',
    ],
    rows,
  ),
)
process.exit(0)
