// A worker that makes supervoxels with kernels of its own, for test/system/operation/interrupted.test.ts; `node interrupted-worker.ts ADDRESS BUCKET LOG HELD GRACE QUEUE`.
import { appendFileSync } from 'node:fs'
import { NativeConnection, Worker } from '@temporalio/worker'
import { supervoxel } from '../../../activities/blockwise.ts'
import type { Compute, Deps } from '../../../activities/context.ts'
import { guarded } from '../../../activities/guard.ts'
import { queues } from '../../../domain/contract/names.ts'
import { voxels } from '../../../domain/geometry.ts'
import type { CellTask } from '../../../domain/contract/activities.ts'
import type { WatershedRequest } from '../../../kernels/segmentation/watershed.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'

type Six = [string, string, string, string, string, string]
const [address, bucket, log, held, grace, queue] = process.argv.slice(2) as Six
const objects = fileStore(bucket)
let calls = 0

/** The watershed makes one supervoxel of each block; the call after so many as `HELD` says never ends. */
const compute = (async (kernel: (...args: unknown[]) => unknown, args: unknown[]) => {
  if (kernel.name !== 'watershed') return kernel(...args)
  const { core, affinity } = args[0] as WatershedRequest
  if (calls++ === Number(held)) await new Promise(() => {})
  // Affinities of a block are 200, those of an even block 128.
  appendFileSync(log, affinity[0] === 128 ? 'even\n' : 'block\n')
  return { labels: new Uint32Array(voxels(core)).fill(1), count: 1 }
}) as Compute

const deps: Partial<Deps> = {
  objects,
  artifacts: artifactStore(objects),
  compute,
  codeRevision: 'test',
  runtime: { node: 'test', onnxruntime: null, provider: null, cpu: 'test' },
}
const activities = guarded(
  {
    // The artifacts of earlier phases come with the task, for there is no index here.
    supervoxel: (d: Deps, task: CellTask) => supervoxel(d, { ...task, refs: JSON.parse(task.roots['refs']!) }),
    lookUpCache: async () => ({ found: null, below: [] }),
    saveIndexNode: async () => ({ page: 'none' }),
  },
  deps as Deps,
)
const connection = await NativeConnection.connect({ address })
const workers = [queue, queues.index].map(taskQueue =>
  Worker.create({ connection, namespace: 'default', taskQueue, activities, shutdownGraceTime: Number(grace) }),
)
await Promise.all((await Promise.all(workers)).map(w => w.run()))
process.exit(0)
