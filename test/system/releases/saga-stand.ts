// A stand for drills: the real workflows over a real server, real channels, holds and quarantine in a folder, and stages that do nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { activityInfo } from '@temporalio/activity'
import { Client } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import * as channels from '../../../activities/release/channels.ts'
import type { Deps } from '../../../activities/context.ts'
import { guarded } from '../../../activities/guard.ts'
import { hold, holdsOn, refuseHeld, releaseHold } from '../../../activities/release/holds.ts'
import { writeIndexNode } from '../../../activities/housekeeping/index-nodes.ts'
import { configOf, saveDocument } from '../../../activities/documents.ts'
import * as taint from '../../../activities/housekeeping/taint.ts'
import { parseRunConfig, type RunConfig } from '../../../domain/config.ts'
import { queues, workflowIds } from '../../../domain/contract/names.ts'
import type { Assembled, ReleaseInput } from '../../../domain/contract/release.ts'
import type { ReconstructInput, RunContext } from '../../../domain/contract/run.ts'
import type { RollbackInput } from '../../../domain/contract/rollback.ts'
import type { ChannelValue } from '../../../domain/releases/channel.ts'
import type { IndexEntry } from '../../../domain/index/index-node.ts'
import type { ArtifactRef } from '../../../domain/lineage.ts'
import { sha256 } from '../../../domain/recipe.ts'
import { Release } from '../../../domain/release.ts'
import { stageNames } from '../../../domain/stages.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { activeHolds } from '../../../storage/holds.ts'
import { listMarks } from '../../../storage/quarantine.ts'
import { moveChannel, putRelease, readChannel } from '../../../storage/releases.ts'
import { workflowBundle } from '../../../worker/workflow-bundle.ts'
import type { reconstruct } from '../../../workflows/reconstruct.ts'
import type { release } from '../../../workflows/release.ts'
import type { rollback } from '../../../workflows/rollback.ts'
import { attempt } from '../../storage/formats/fixtures-plain.ts'
import { devServer } from '../dev-server.ts'

export const REGIONS = ['0_0_0', '1_0_0']
const bounds = { min: [0, 0, 0], max: [128, 64, 64] } as const

/** PendingActivityState of the server's API. */
const CANCEL_REQUESTED = 3

export interface Fault {
  readonly match: string
  readonly workflow: string
  readonly when: 'before' | 'after'
  readonly attempts: number
  readonly type: 'ProvenanceError' | 'StoreError'
}

/** Where a drill is cancelled: as the activity begins whose `type id` matches, in a workflow of the dataset. */
interface Cut {
  readonly match: RegExp
  readonly workflowId: string
  /** The activity goes on only once the server has passed the cancel on to it. */
  readonly arrived: boolean
}

export class Stand {
  readonly folder = mkdtempSync(join(tmpdir(), 'hillock-saga-'))
  readonly objects = fileStore(join(this.folder, 'bucket'))
  /** `type id` of every activity that has begun, by workflow id with spaces for slashes. */
  readonly begun = new Map<string, string[]>()
  private readonly cuts = new Map<string, Cut>()
  private faults: readonly Fault[] = []
  private readonly faultFile: string
  private server!: Awaited<ReturnType<typeof devServer>>
  private workers: Worker[] = []
  private running: Promise<unknown> = Promise.resolve()
  client!: Client

  constructor(faultFile: string) {
    this.faultFile = faultFile
  }

  get deps(): Deps {
    const none = (): never => {
      throw new Error('nothing is computed here')
    }
    const { objects } = this
    return {
      objects,
      artifacts: artifactStore(objects),
      compute: none,
      infer: none,
      codeRevision: 'test',
      runtime: { node: 'test', onnxruntime: null, provider: null, cpu: 'test' },
    }
  }

  async start(): Promise<void> {
    this.server = await devServer()
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
    })
    this.client = new Client({ connection: this.server.connection })
    await this.startWorkers()
  }

  async startWorkers(): Promise<void> {
    const connection = await NativeConnection.connect({ address: this.server.address })
    const shared = { connection, namespace: 'default' }
    const code = { workflowBundle: await workflowBundle(), maxCachedWorkflows: 500 }
    this.workers = await Promise.all([
      Worker.create({ ...shared, taskQueue: queues.workflow, ...code }),
      ...[queues.cpu, queues.index].map(taskQueue =>
        Worker.create({ ...shared, taskQueue, activities: this.activities(), maxConcurrentActivityTaskExecutions: 40 }),
      ),
    ])
    this.running = Promise.all(this.workers.map(w => w.run()))
  }

  async stopWorkers(): Promise<void> {
    for (const w of this.workers) w.shutdown()
    await this.running
  }

  async stop(): Promise<void> {
    await this.stopWorkers()
    await this.server.connection.close()
    this.server.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  setFaults(faults: readonly Fault[]): void {
    this.faults = faults
    writeFileSync(this.faultFile, JSON.stringify(this.faults))
  }
  addFault(f: Fault): void {
    this.setFaults([...this.faults, f])
  }
  clearFaults(dataset: string): void {
    this.setFaults(this.faults.filter(f => f.workflow !== `/${dataset}/`))
  }

  cancelAt(dataset: string, workflowId: string, match: RegExp, arrived = false): void {
    this.cuts.set(dataset, { match, workflowId, arrived })
  }

  /** A dataset with a good release and a bad one after it, wrong in its first region; both in the channel `published`, and a schedule. */
  async dataset(name: string): Promise<{ good: string; bad: string }> {
    const config = configOfDataset(name)
    const wrong = { ...config, overrides: [{ regions: [REGIONS[0]!], stages: { agglomerate: { threshold: 0.1 } } }] }
    const good = await this.release(name, config, 'good')
    const bad = await this.release(name, wrong, 'bad')
    for (const channel of ['candidate', 'published'] as const)
      for (const [i, release] of [good, bad].entries())
        await channels.publish(this.deps, {
          dataset: name,
          channel,
          release,
          by: 'test',
          reason: `${i}`,
          via: `test#${i}`,
        })
    await this.client.schedule.create({
      scheduleId: `nightly-${name}`,
      spec: { intervals: [{ every: '30d' }] },
      action: {
        type: 'startWorkflow',
        workflowType: 'reconstruct',
        taskQueue: queues.workflow,
        args: [{ dataset: name, run: 'nightly', config }],
      },
    })
    return { good, bad }
  }

  /** A manifest whose pages list one artifact of two stages per region; those of the bad release differ in the first region. */
  private async release(dataset: string, config: RunConfig, kind: string): Promise<string> {
    const entries: IndexEntry[] = []
    for (const [i, region] of REGIONS.entries())
      for (const [stage, cell] of [
        ['agglomerate', `0/${region}`],
        ['merge-table', region],
        ['segment', region],
      ] as const)
        entries.push({ stage, cell, ref: await this.artifact(stage, dataset, region, i === 0 ? kind : 'same') })
    const page = await writeIndexNode(this.deps, entries)
    return this.putManifest(dataset, kind, { graph: page }, await saveDocument(this.deps, config), null)
  }

  private async artifact(stage: string, dataset: string, region: string, kind: string): Promise<ArtifactRef> {
    const recipe = {
      stage,
      version: 1,
      parameters: { dataset, region, kind },
      model: null,
      inputs: {},
      extent: bounds as never,
      seed: 0,
    }
    const known = await artifactStore(this.objects, { quarantined: true }).find(recipe)
    if (known) return { stage, recipe: known.recipe, content: known.content }
    const writer = artifactStore(this.objects).write(recipe)
    await writer.put('0/data', Buffer.from(`${stage} ${dataset} ${region} ${kind}`))
    const { recipe: id, content } = await writer.commit(attempt)
    return { stage, recipe: id, content }
  }

  private async putManifest(
    dataset: string,
    what: string,
    pages: Record<string, string>,
    config: string,
    parent: string | null,
  ): Promise<string> {
    const digest = sha256(`${dataset} ${what}`)
    const release = digest.slice(0, 16)
    const manifest = Release.parse({
      dataset,
      release,
      digest,
      layerDigests: {},
      parent,
      voxelSizeNm: [8, 8, 8],
      bounds,
      regionShape: [64, 64, 64],
      layers: {
        em: {
          kind: 'image',
          dataType: 'uint8',
          channels: 1,
          encoding: 'raw',
          chunk: [64, 64, 64],
          shard: [64, 64, 64],
          regions: {},
          mips: [],
        },
      },
      stages: {},
      pages,
      quality: {},
      holes: [],
      cost: 0,
      run: { workflowId: 'test', runId: 'test' },
      config,
      codeRevision: 'test',
      approver: 'test',
    } satisfies Release)
    await putRelease(this.objects, manifest)
    return release
  }

  private activities(): Record<string, (...args: unknown[]) => Promise<unknown>> {
    const page = async (deps: Deps): Promise<string> => writeIndexNode(deps, [])
    const stub = {
      survey: async (deps: Deps, input: ReconstructInput): Promise<RunContext> => {
        await refuseHeld(deps, input)
        return contextOf(input.dataset, input.run, await saveDocument(deps, input.config), 'render')
      },
      lookUpCache: async (deps: Deps) => ({ found: { page: await page(deps), counts: [], top: {} }, below: [] }),
      saveIndexNode: page,
      assemble: async (deps: Deps, { context, roots, patch }: ReleaseInput): Promise<Assembled> => {
        const config = await configOf(deps, context.config)
        const release = await this.putManifest(
          context.dataset,
          context.run,
          roots,
          context.config,
          patch?.parent ?? null,
        )
        const { channel, approval, gate } = config.release
        const refusal = gate.voiSum === undefined ? null : `voiSum is 9, the gate allows ${gate.voiSum}`
        return { release, digest: '', layerDigests: {}, quality: {}, holes: 0, channel, approval, refusal }
      },
      archive: async () => ({ index: '', histories: 0 }),
      ...channels,
      hold,
      holdsOn,
      releaseHold,
      ...taint,
    }
    const stageStub = async () => ({
      stage: activityInfo().activityType,
      key: 'all',
      ref: { stage: activityInfo().activityType, recipe: sha256('r'), content: sha256('c') },
      made: true,
      voxels: 0,
      seconds: 0,
      cost: 0,
      retries: 0,
      holes: [],
    })
    const all = guarded(
      { ...Object.fromEntries(stageNames.map(s => [s, stageStub])), ...stub } as never,
      this.deps,
    ) as Record<string, (...args: unknown[]) => Promise<unknown>>
    return Object.fromEntries(
      Object.entries(all).map(([name, a]) => [name, (...args: unknown[]) => this.watched(a, args)]),
    )
  }

  private async watched(activity: (...args: unknown[]) => Promise<unknown>, args: unknown[]): Promise<unknown> {
    const { activityType, activityId, workflowExecution } = activityInfo()
    const dataset = workflowExecution!.workflowId.split('/')[1]!
    const what = `${activityType} ${activityId}`
    const who = workflowExecution!.workflowId.replaceAll('/', ' ')
    this.begun.set(who, [...(this.begun.get(who) ?? []), what])
    const cut = this.cuts.get(dataset)
    if (cut?.match.test(what)) {
      this.cuts.delete(dataset)
      await this.client.workflow.getHandle(cut.workflowId).cancel()
      if (cut.arrived)
        await until(
          () => this.client.workflow.getHandle(workflowExecution!.workflowId).describe(),
          d => d.raw.pendingActivities?.find(a => a.activityId === activityId)?.state === CANCEL_REQUESTED,
        )
    }
    return activity(...args)
  }

  rollback(input: RollbackInput) {
    return this.client.workflow.start<typeof rollback>('rollback', {
      workflowId: workflowIds.rollback(input.dataset, input.channel, input.from),
      taskQueue: queues.workflow,
      args: [input],
    })
  }

  async startRelease(dataset: string, run: string, config: RunConfig) {
    const context = contextOf(dataset, run, await saveDocument(this.deps, config), 'evaluate')
    return this.client.workflow.start<typeof release>('release', {
      workflowId: workflowIds.release(context),
      taskQueue: queues.workflow,
      args: [{ context, roots: {}, cost: 0, approver: 'test', runId: 'r' }],
    })
  }

  startRun(dataset: string, run: string) {
    return this.client.workflow.start<typeof reconstruct>('reconstruct', {
      workflowId: workflowIds.reconstruct(dataset, run),
      taskQueue: queues.workflow,
      args: [{ dataset, run, config: configOfDataset(dataset) }],
    })
  }

  /** What is left behind: channels, holds in force, marks that stand, whether the schedule is paused. */
  async state(dataset: string) {
    const channel = async (name: string): Promise<ChannelValue | null> => {
      const ref = await readChannel(this.objects, dataset, name)
      return ref?.value ?? null
    }
    const recipes = new Map<string, string>()
    for (const [i, region] of REGIONS.entries())
      for (const stage of ['agglomerate', 'merge-table', 'segment'])
        for (const kind of ['good', i === 0 ? 'bad' : 'same'])
          recipes.set((await this.artifact(stage, dataset, region, kind)).recipe, `${stage} ${region} ${kind}`)
    const marks = (await listMarks(this.objects)).flatMap(m => recipes.get(m.recipe) ?? []).sort()
    const schedule = await this.client.schedule
      .getHandle(`nightly-${dataset}`)
      .describe()
      .catch(() => null)
    return {
      published: await channel('published'),
      candidate: await channel('candidate'),
      holds: (await activeHolds(this.objects, dataset)).map(h => h.id),
      marks,
      paused: schedule?.state.paused ?? false,
    }
  }

  /** Moves a channel behind everybody's back. */
  async interfere(dataset: string, channel: string, release: string): Promise<void> {
    const ref = await readChannel(this.objects, dataset, channel)
    const value: ChannelValue = { release, earlier: [], by: 'somebody', reason: 'else' }
    await moveChannel(this.objects, dataset, channel, ref?.version, value)
  }
}

export const configOfDataset = (dataset: string, over: object = {}): RunConfig =>
  parseRunConfig(
    {
      dataset,
      voxelSizeNm: [8, 8, 8],
      source: { phantom: { size: [128, 64, 64], seed: 1 } },
      grid: { block: [64, 64, 32], region: [64, 64, 64] },
      stages: { align: { method: 'none' } },
      through: 'render',
      ...over,
    },
    dataset,
  )

const contextOf = (dataset: string, run: string, config: string, through: RunContext['through']): RunContext => ({
  dataset,
  run,
  config,
  layout: sha256('layout'),
  bounds: bounds as never,
  region: [64, 64, 64],
  voxelSizeNm: [8, 8, 8],
  through,
  synthetic: true,
  aligned: true,
})

export async function until<T>(look: () => Promise<T>, good: (t: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look().catch(() => undefined)
    if (seen !== undefined && good(seen)) return seen
    await new Promise(r => setTimeout(r, 100))
  }
}
