// One role of the workers, or several, in this process: each polls its queue until it is told to end.
import { hostname } from 'node:os'
import { join } from 'node:path'
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker'
import type { StageActivity } from '../activities/index.ts'
import { ownerOf, queues } from '../domain/contract/names.ts'
import { configError, isHillockError } from '../domain/errors.ts'
import { numberSetting, setting } from '../domain/settings.ts'
import { stages } from '../domain/stages.ts'
import { keyIds, payloadCodec } from '../storage/encryption.ts'
import { refused, whyNot } from './connection.ts'
import { versioning } from './deployment.ts'
import { answerHealth, type Health } from './health.ts'
import { checkout } from './home.ts'
import { workerLog } from './log.ts'
import { codeRevision } from './runtime.ts'
import { configuredTemporal } from './temporal-config.ts'
import { flushTraces, tracing } from './tracing.ts'
import { workflowBundle } from './workflow-bundle.ts'

/** They mostly wait for the bucket. */
const INDEX_SLOTS = 4

const ENCODED_FAILURES = join(checkout, 'workflows', 'encoded-failures.ts')

const ROLES = ['workflow', 'cpu', 'inference'] as const
export type Role = (typeof ROLES)[number]

/** Stages of another package beside those of Hillock (docs/library.md). */
export interface OwnStages {
  /** What executes them, by the name of their row. */
  readonly activities: Readonly<Record<string, StageActivity>>
  /** Files that add their rows when they are imported: the workflow code needs them too. */
  readonly rows: readonly string[]
}

/** @throws HillockError ConfigError for what is none */
export function rolesOf(names: readonly string[]): Role[] {
  const unknown = names.find(n => !(ROLES as readonly string[]).includes(n))
  if (unknown !== undefined) throw configError(`${unknown} is no role: the roles are ${ROLES.join(', ')}`)
  return names as Role[]
}

/** What it connects to is configured (docs/configuration.md). @throws HillockError ConfigError */
export const runRole = (role: Role, own?: OwnStages): Promise<void> => runRoles([role], own)

/** Several in one process, until it is told to end. @throws HillockError ConfigError */
export async function runRoles(roles: readonly Role[], own: OwnStages = { activities: {}, rows: [] }): Promise<void> {
  const temporal = configuredTemporal()
  if (roles.some(r => r !== 'workflow') && setting('HILLOCK_BUCKET') === undefined)
    throw configError('HILLOCK_BUCKET is not set: name the bucket that all processes work on')
  const revision = codeRevision()
  const about = { role: roles.join(','), hostname: hostname(), build: revision }
  const health = await answerHealth(roles, about)
  const bindAddress = setting('HILLOCK_METRICS')
  const prometheus = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true }
  Runtime.install({
    logger: workerLog(about),
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'WARN' }, forward: {} },
      ...(bindAddress ? { metrics: { prometheus: { bindAddress, ...prometheus } } } : {}),
    },
    shutdownSignals: ['SIGTERM', 'SIGINT'],
  })
  const { address, namespace, options } = temporal
  const connection = await NativeConnection.connect({ address, ...options }).catch(async (e: unknown) => {
    const why = await whyNot(temporal)
    throw why === undefined ? refused(e, temporal) : configError(why)
  })
  health.connection = connection
  const { plugins, modules } = await tracing('worker')
  const all: OwnStages = { ...own, rows: [...own.rows, ...modules] }
  const drain = numberSetting('HILLOCK_DRAIN') ?? 1
  const failures = keyIds().length > 0 ? ENCODED_FAILURES : undefined
  const shared: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace,
    plugins,
    // Activities go on for the first, have until the second to end when they are told to.
    shutdownGraceTime: `${drain}s`,
    shutdownForceTime: `${drain + 4}s`,
    // As many as the server says are of use.
    workflowTaskPollerBehavior: { type: 'autoscaling' },
    activityTaskPollerBehavior: { type: 'autoscaling' },
    ...versioning(revision),
    dataConverter: { payloadCodecs: [payloadCodec], ...(failures && { failureConverterPath: failures }) },
    interceptors: {
      activity: [
        ({ info }) => ({
          outbound: {
            getLogAttributes: (input, next) => ({
              ...next(input),
              ...ownerOf(info.workflowExecution?.workflowId ?? ''),
              ...(Object.hasOwn(stages, info.activityType) && { stage: info.activityType }),
            }),
          },
        }),
      ],
    },
  }
  await Promise.all(
    roles.map(role =>
      poll(role, { ...shared, taskQueue: queueOf(role), identity: identityOf(role, revision) }, revision, all, health),
    ),
  )
  await flushTraces()
}

/** Activities are sent to another queue one by one (docs/runbook.md). */
const queueOf = (role: Role): string => (role === 'workflow' ? undefined : setting('HILLOCK_QUEUE')) ?? queues[role]

/** Who polls, as Temporal and `hillock doctor` show it; of a commit its first digits, and by which keys it reads payloads. */
const identityOf = (role: Role, revision: string): string =>
  [
    `${role} ${process.pid}@${hostname()} ${revision.replace(/^([0-9a-f]{12})[0-9a-f]{28}/, '$1')}`,
    ...(keyIds().length > 0 ? [`keys ${keyIds().join(',')}`] : []),
  ].join(' ')

async function poll(
  role: Role,
  options: WorkerOptions,
  revision: string,
  own: OwnStages,
  health: Health,
): Promise<void> {
  const run = async (...each: Partial<WorkerOptions>[]): Promise<void> => {
    const workers = await Promise.all(each.map(more => Worker.create({ ...options, ...more })))
    health.workers.set(role, workers[0]!)
    process.send?.({ ready: true })
    await Promise.all(workers.map(w => w.run()))
  }
  if (role === 'workflow')
    return run({
      workflowBundle: await workflowBundle(own.rows, options.dataConverter?.failureConverterPath),
      maxCachedWorkflows: 200,
    })
  const { activityWork } = await import('./activity-work.ts')
  const { activities, slots, close } = await activityWork(role, revision, own)
  const work = { activities, maxConcurrentActivityTaskExecutions: slots }
  const index = { activities, taskQueue: queues.index, maxConcurrentActivityTaskExecutions: INDEX_SLOTS }
  await (options.taskQueue === queues.cpu ? run(work, index) : run(work))
  await close()
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
