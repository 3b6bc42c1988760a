// One role of the workers, in this process: it polls its queue until it is told to end.
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker'
import { createActivities, type StageActivity } from '../activities/index.ts'
import { countRequest } from '../activities/meter.ts'
import { ownerOf, queues } from '../domain/contract/names.ts'
import { artifactStore } from '../storage/artifacts.ts'
import type { Request } from '../storage/stores/observed-store.ts'
import { openStore } from '../storage/stores/open-store.ts'
import { inferenceHost } from './inference.ts'
import { kernelPool } from './kernel-pool.ts'
import { versioning } from './deployment.ts'
import { codeRevision, runtime } from './runtime.ts'
import { workflowBundle } from './workflow-bundle.ts'

/** A bucket that does not answer is told of in the log, not once for every request. */
const COMPLAIN_MS = 10_000
/** A bucket that is away for less is waited for within an attempt of an activity. */
const PATIENCE_MS = 10 * 60_000

export type Role = 'workflow' | 'cpu' | 'inference'

/** Stages of another package beside those of Hillock (docs/library.md). */
export interface OwnStages {
  /** What executes them, by the name of their row. */
  readonly activities: Readonly<Record<string, StageActivity>>
  /** Files that add their rows when they are imported: the workflow code needs them too. */
  readonly rows: readonly string[]
}

/** What it connects to stands in the environment: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, HILLOCK_BUCKET. */
export async function runRole(role: Role, own: OwnStages = { activities: {}, rows: [] }): Promise<void> {
  const bindAddress = process.env['HILLOCK_METRICS']
  const prometheus = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true }
  Runtime.install({
    logger: new DefaultLogger('INFO'),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'WARN' }, forward: {} },
      ...(bindAddress ? { metrics: { prometheus: { bindAddress, ...prometheus } } } : {}),
    },
    shutdownSignals: ['SIGTERM', 'SIGINT'],
  })
  const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233' })
  const revision = codeRevision()
  const shared: WorkerOptions = {
    connection,
    namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default',
    taskQueue: queues[role],
    shutdownGraceTime: '1s',
    shutdownForceTime: '5s',
    ...versioning(revision),
    interceptors: {
      activity: [
        ({ info }) => ({
          outbound: {
            getLogAttributes: (input, next) => ({
              ...next(input),
              ...ownerOf(info.workflowExecution?.workflowId ?? ''),
            }),
          },
        }),
      ],
    },
  }
  if (role === 'workflow')
    return run(
      await Worker.create({ ...shared, workflowBundle: await workflowBundle(own.rows), maxCachedWorkflows: 200 }),
    )
  const objects = openStore(process.env['HILLOCK_BUCKET'] ?? 'bucket', {
    patienceMs: PATIENCE_MS,
    mark: process.env['HILLOCK_BUCKET_MARK'] || undefined,
    tell,
  })
  const pool = kernelPool()
  const host = inferenceHost(pid => process.send?.({ onnx: pid }))
  const deps = {
    objects,
    artifacts: artifactStore(objects),
    compute: pool.compute,
    infer: host.infer,
    codeRevision: revision,
    runtime: runtime(),
    signingKey: process.env['HILLOCK_SIGNING_KEY'],
  }
  const activities = createActivities(deps, own.activities)
  // One activity more than threads, so that reading and writing overlap computing.
  const slots = role === 'cpu' ? pool.threads + 1 : 2
  await run(await Worker.create({ ...shared, activities, maxConcurrentActivityTaskExecutions: slots }))
  host.close()
  await pool.close()
}

let complained = 0
function tell(request: Request): void {
  countRequest(request)
  if (request.why === undefined || Date.now() - complained < COMPLAIN_MS) return
  complained = Date.now()
  console.error(`${new Date().toISOString()} bucket: ${request.why}`)
}

async function run(worker: Worker): Promise<void> {
  process.send?.({ ready: true })
  await worker.run()
}

/** The same as a process of its own, which ends with the one that started it. */
export function roleProcess(own?: OwnStages): void {
  process.on('disconnect', () => process.exit(0))
  runRole(process.argv[2] as Role, own).then(
    () => process.exit(0),
    (e: unknown) => {
      console.error(e)
      process.exit(1)
    },
  )
}
