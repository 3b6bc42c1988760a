// A worker that is killed in the middle of a region: the next attempt makes what was left, and a poisoned block costs its own attempts only.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { afterAll, expect, test } from 'vitest'
import type { Finished } from '../../../activities/meter.ts'
import { canonicalJson } from '../../../domain/canonical.ts'
import { parseRunConfig } from '../../../domain/config.ts'
import { queues } from '../../../domain/contract/names.ts'
import type { Refs } from '../../../domain/contract/artifacts.ts'
import { product, type Box } from '../../../domain/geometry.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { encodeChunks } from '../../../storage/formats/volume.ts'
import { putRaw } from '../../../storage/raw.ts'
import { workflowBundle } from '../../../worker/workflow-bundle.ts'
import type { region } from '../../../workflows/fan-out.ts'
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
/** The worker hangs in the call after so many. */
const HELD = 40
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

function startWorker(address: string, held: number): ChildProcess {
  const file = fileURLToPath(new URL('./interrupted-worker.ts', import.meta.url))
  const env = { ...process.env, HILLOCK_FAULTS: faults }
  const child = spawn(process.execPath, [file, address, bucket, log, String(held)], { stdio: 'inherit', env })
  children.push(child)
  return child
}

/** Calls of the kernel for a block, and for an even one in its place. */
function calls(): Record<string, number> {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
  return { block: lines.filter(l => l === 'block').length, even: lines.filter(l => l === 'even').length }
}

test('of 64 blocks each is made once, whatever happens to the worker and to one of them', async () => {
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
      const first = startWorker(server.address, HELD)
      const handle = await client.workflow.start<typeof region>('region', {
        workflowId: 'region',
        taskQueue,
        args: [
          { context, phase: 'fragments', node: { level: 0, coord: [0, 0, 0] }, roots: { refs: JSON.stringify(refs) } },
        ],
      })
      const finished = async (): Promise<number> => {
        const { raw } = await handle.describe()
        const data = raw.pendingActivities![0]!.heartbeatDetails!.payloads![0]!.data!
        const beat = JSON.parse(Buffer.from(data).toString()) as { finished: Record<string, Finished> }
        return Object.keys(beat.finished).length
      }
      // One of the calls was for the even block that proves the poisoned one at fault.
      await until(finished, n => n === HELD - 1)
      first.kill('SIGKILL')
      expect(calls()).toEqual({ block: HELD - 1, even: 1 })

      startWorker(server.address, Infinity)
      const { counts } = await handle.result()
      expect(counts).toMatchObject([{ stage: 'supervoxel', made: 1, quarantined: 1 }])
      // Its five attempts, and the one that was lost with the worker.
      expect(calls()).toEqual({ block: BLOCKS - 1, even: 6 })
    })
  } finally {
    await connection.close()
    await server.connection.close()
    server.stop()
  }
}, 240_000)
