// Workers that are told to end, or killed, in the middle of a region: the next attempt makes what was left, and only failures of the work use up its attempts.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { afterAll, expect, test } from 'vitest'
import type { Beat } from '../../../activities/meter.ts'
import { canonicalJson } from '../../../domain/canonical.ts'
import { parseRunConfig } from '../../../domain/config.ts'
import { queues } from '../../../domain/contract/names.ts'
import { HANDED, type ActivityReport, type Refs } from '../../../domain/contract/artifacts.ts'
import { product, type Box } from '../../../domain/geometry.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { encodeChunks } from '../../../storage/formats/volume.ts'
import { putRaw } from '../../../storage/raw.ts'
import { findTemporalCli } from '../../../worker/temporal-cli.ts'
import { workflowBundle } from '../../../worker/workflow-bundle.ts'
import type { fanOut } from '../../../workflows/fan-out.ts'
import { attempt } from '../../storage/formats/fixtures-plain.ts'
import { devServer } from '../dev-server.ts'
import { until } from '../releases/saga-stand.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-interrupted-'))
const [bucket, log, faults] = ['bucket', 'made.log', 'faults.json'].map(name => join(folder, name)) as [
  string,
  string,
  string,
]
const objects = fileStore(bucket)
const shape = [512, 512, 64] as const
const bounds: Box = { min: [0, 0, 0], max: shape }
const BLOCKS = 64
/** A worker that is to end hangs in the call after so many. */
const HELD = 6
/** Workers that are told to end: twice as many as the region has attempts. */
const DRAINED = 10
/** Of the workers on a large machine. */
const LARGE = 'hillock-cpu-large'
const children: ChildProcess[] = []
afterAll(() => {
  for (const c of children) c.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** An even volume of the one region. */
async function even(stage: string, value: number, channels: number): Promise<Refs> {
  const extent = bounds as never
  const recipe = { stage, version: 1, parameters: {}, model: null, inputs: {}, extent, seed: 0 }
  const writer = artifactStore(objects).write(recipe)
  const data = new Uint8Array(channels * product(shape)).fill(value)
  for (const { path, bytes } of encodeChunks(data, bounds, { mip: 0, encoding: 'raw', channels }))
    await writer.put(path, bytes)
  const { recipe: id, content } = await writer.commit(attempt)
  return { '0_0_0': { stage, recipe: id, content } }
}

function startWorker(address: string, held: number, graceMs: number, queue: string = queues.cpu): ChildProcess {
  const file = fileURLToPath(new URL('./interrupted-worker.ts', import.meta.url))
  const env = { ...process.env, HILLOCK_FAULTS: faults }
  const child = spawn(process.execPath, [file, address, bucket, log, String(held), String(graceMs), queue], {
    stdio: 'inherit',
    env,
  })
  children.push(child)
  return child
}

/** Blocks whose chunk is in the bucket. */
const written = (): number =>
  readdirSync(join(bucket, 'artifacts/supervoxel'), { recursive: true, encoding: 'utf8' }).filter(f =>
    /\/\d+-\d+_\d+-\d+_\d+-\d+$/.test(f),
  ).length

/** Calls of the kernel for a block, and for an even one in its place. */
function calls(): Record<string, number> {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
  return { block: lines.filter(l => l === 'block').length, even: lines.filter(l => l === 'even').length }
}

test('of 64 blocks each is made once, whatever happens to workers, and one that fails for good after five attempts of its own', async () => {
  const config = parseRunConfig(
    {
      dataset: 'd',
      voxelSizeNm: [8, 8, 8],
      source: { phantom: { size: [...shape], seed: 1 } },
      grid: { block: [64, 64, 64], region: [...shape] },
    },
    'd',
  )
  const refs = { render: await even('render', 100, 1), affinity: await even('affinity', 200, 3) }
  const context = {
    dataset: 'd',
    run: 'r',
    config: await putRaw(objects, Buffer.from(canonicalJson(config as never))),
    layout: '',
    bounds,
    region: shape,
    voxelSizeNm: [8, 8, 8] as const,
    through: 'evaluate' as const,
    synthetic: true,
    aligned: true,
  }
  // It fails by itself, on every attempt.
  const poison = { match: '^supervoxel .* block 3_1_0$', when: 'before', attempts: 99, type: 'ComputeLost' }
  writeFileSync(faults, JSON.stringify([poison]))

  const server = await devServer()
  Runtime.install({ logger: new DefaultLogger('ERROR') })
  const connection = await NativeConnection.connect({ address: server.address })
  const taskQueue = queues.workflow
  const worker = await Worker.create({ connection, taskQueue, workflowBundle: await workflowBundle() })
  const client = new Client({ connection: server.connection })
  try {
    await worker.runUntil(async () => {
      const handle = await client.workflow.start<typeof fanOut>('fanOut', {
        workflowId: 'fan-out',
        taskQueue,
        args: [
          { context, phase: 'fragments', node: { level: 2, coord: [0, 0, 0] }, roots: { refs: JSON.stringify(refs) } },
        ],
      })
      /** As Temporal shows the activity: its own number of the attempt, and what the heartbeats tell. */
      const pending = async (): Promise<{ attempt: number; blocks: number; failures: string[] }> => {
        const { raw } = await handle.describe()
        const { attempt, heartbeatDetails } = raw.pendingActivities![0]!
        const data = heartbeatDetails?.payloads?.[0]?.data
        const beat = data && (JSON.parse(Buffer.from(data).toString()) as ActivityReport & Pick<Beat, 'finished'>)
        return {
          attempt: attempt!,
          blocks: beat ? Object.keys(beat.finished).length : 0,
          failures: beat ? (beat.failures ?? []).map(f => f.type) : [],
        }
      }
      // From the second on one call of each is for the even block that proves the poisoned one at fault.
      const made = (workers: number): number => HELD + (workers - 1) * (HELD - 1)
      for (let n = 1; n <= DRAINED; n++) {
        const worker = startWorker(server.address, HELD, 500)
        await until(
          async () => written(),
          blocks => blocks === made(n),
        )
        worker.kill('SIGTERM')
        await until(pending, p => p.attempt === n + 1)
        // What it had made is handed over with the last block, and no failure has been counted.
        const failures = Array.from({ length: n }, () => HANDED)
        expect(await pending()).toEqual({ attempt: n + 1, blocks: made(n), failures })
      }

      // Taken back at short notice: told to end, and killed before it had the time.
      const spot = startWorker(server.address, HELD, 60_000)
      await until(pending, p => p.blocks === made(DRAINED + 1))
      spot.kill('SIGTERM')
      await sleep(500)
      spot.kill('SIGKILL')

      // As docs/runbook.md has it, between two attempts: held, sent to a larger machine, and let go.
      await until(pending, p => p.attempt === DRAINED + 2)
      const { activityId } = (await handle.describe()).raw.pendingActivities![0]!
      const temporal = (command: string): Buffer =>
        execFileSync(
          findTemporalCli().path,
          ['activity', command, '--address', server.address].concat(['-w', 'fan-out', '-a', activityId!]),
        )
      temporal('pause')
      await client.workflowService.updateActivityOptions({
        namespace: 'default',
        execution: { workflowId: 'fan-out' },
        id: activityId!,
        activityOptions: { taskQueue: { name: LARGE } },
        updateMask: { paths: ['task_queue.name'] },
      })
      startWorker(server.address, Infinity, 200, LARGE)
      temporal('unpause')
      const { counts } = await handle.result()
      // Of its retries those that were handed over are none: the lost one, and four that failed by themselves.
      expect(counts).toMatchObject([{ stage: 'supervoxel', made: 1, quarantined: 1, retries: 5 }])
      expect(calls()).toEqual({ block: BLOCKS - 1, even: DRAINED - 1 + 1 + 5 })
    })
  } finally {
    await connection.close()
    await server.connection.close()
    server.stop()
  }
}, 240_000)
