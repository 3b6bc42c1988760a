// One role of the workers, or several, in this process: each polls its queue until it is told to end.
import { hostname } from 'node:os'
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker'
import { createActivities, type StageActivity } from '../activities/index.ts'
import { countRequest } from '../activities/meter.ts'
import { ownerOf, queues } from '../domain/contract/names.ts'
import { HillockError, isHillockError } from '../domain/errors.ts'
import { setting } from '../domain/settings.ts'
import { artifactStore } from '../storage/artifacts.ts'
import type { Request } from '../storage/stores/observed-store.ts'
import { openStore } from '../storage/stores/open-store.ts'
import { inferenceHost } from './inference.ts'
import { kernelPool } from './kernel-pool.ts'
import { refused, whyNot } from './connection.ts'
import { versioning } from './deployment.ts'
import { codeRevision, runtime } from './runtime.ts'
import { configuredTemporal } from './temporal-config.ts'
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

/** @throws HillockError ConfigError for what is none */
export function rolesOf(names: readonly string[]): Role[] {
  const unknown = names.find(n => !Object.hasOwn(queues, n))
  if (unknown !== undefined)
    throw new HillockError('ConfigError', `${unknown} is no role: the roles are ${Object.keys(queues).join(', ')}`)
  return names as Role[]
}

/** What it connects to is configured (docs/configuration.md). @throws HillockError ConfigError */
export const runRole = (role: Role, own?: OwnStages): Promise<void> => runRoles([role], own)

/** Several in one process, until it is told to end. @throws HillockError ConfigError */
export async function runRoles(roles: readonly Role[], own: OwnStages = { activities: {}, rows: [] }): Promise<void> {
  const temporal = configuredTemporal()
  if (roles.some(r => r !== 'workflow') && setting('HILLOCK_BUCKET') === undefined)
    throw new HillockError('ConfigError', 'HILLOCK_BUCKET is not set: name the bucket that all processes work on')
  const bindAddress = setting('HILLOCK_METRICS')
  const prometheus = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true }
  Runtime.install({
    logger: new DefaultLogger('INFO'),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'WARN' }, forward: {} },
      ...(bindAddress ? { metrics: { prometheus: { bindAddress, ...prometheus } } } : {}),
    },
    shutdownSignals: ['SIGTERM', 'SIGINT'],
  })
  const { address, namespace, options } = temporal
  const connection = await NativeConnection.connect({ address, ...options }).catch(async (e: unknown) => {
    const why = await whyNot(temporal)
    throw why === undefined ? refused(e, temporal) : new HillockError('ConfigError', why)
  })
  const revision = codeRevision()
  const shared: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace,
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
  await Promise.all(
    roles.map(role =>
      poll(
        role,
        { ...shared, taskQueue: queues[role], identity: `${role} ${process.pid}@${hostname()}` },
        revision,
        own,
      ),
    ),
  )
}

async function poll(role: Role, options: WorkerOptions, revision: string, own: OwnStages): Promise<void> {
  if (role === 'workflow')
    return run(
      await Worker.create({ ...options, workflowBundle: await workflowBundle(own.rows), maxCachedWorkflows: 200 }),
    )
  const objects = openStore(setting('HILLOCK_BUCKET')!, {
    patienceMs: PATIENCE_MS,
    mark: setting('HILLOCK_BUCKET_MARK'),
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
    signingKey: setting('HILLOCK_SIGNING_KEY'),
  }
  const activities = createActivities(deps, own.activities)
  // One activity more than threads, so that reading and writing overlap computing.
  const slots = role === 'cpu' ? pool.threads + 1 : 2
  await run(await Worker.create({ ...options, activities, maxConcurrentActivityTaskExecutions: slots }))
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
  const begin = async (): Promise<void> => runRoles(rolesOf(process.argv.slice(2)), own)
  begin().then(
    () => process.exit(0),
    (e: unknown) => {
      console.error(isHillockError(e) ? `hillock: ${e.message}` : e)
      process.exit(1)
    },
  )
}
