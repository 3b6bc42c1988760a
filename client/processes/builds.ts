// Who asks the queues for work, and the builds of the Worker Deployment: which there are, which one new runs go to, and a run moved to another with all its children.
import type { Client } from '@temporalio/client'
import { queues } from '../../domain/contract/names.ts'
import { configError } from '../../domain/errors.ts'
import { keyIds } from '../../storage/encryption.ts'

/** A worker that polls asks at least so often. */
const POLL_MS = 90_000
const WORKFLOW = 1
const ACTIVITY = 2

type Stamp = { seconds?: unknown; nanos?: number | null } | null | undefined
export const secondsOf = (t: Stamp): number => Number(t?.seconds ?? 0) + (t?.nanos ?? 0) / 1e9
export const ago = (t: Stamp): number => Date.now() - secondsOf(t) * 1000

interface BuildName {
  deploymentName?: string | null
  buildId?: string | null
}

export interface Queue {
  readonly name: string
  /** Who has asked of late, newest first. */
  readonly pollers: readonly { readonly identity: string; readonly build: string; readonly isPinned: boolean }[]
  /** Where new runs go to a build of a Worker Deployment. */
  readonly current: BuildName | undefined
  /** Why nobody takes from it what stays with `build`, or what goes where new runs do; undefined where somebody does. */
  readonly unserved: string | undefined
}

type Name = (typeof queues)[keyof typeof queues]

export async function lookAtQueue(client: Client, name: Name, build?: BuildName): Promise<Queue> {
  const { namespace } = client.options
  const taskQueueType = name === queues.workflow ? WORKFLOW : ACTIVITY
  const found = await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType })
  const polling = (found.pollers ?? []).filter(p => ago(p.lastAccessTime) < POLL_MS)
  const current = found.versioningInfo?.currentDeploymentVersion ?? undefined
  const { deploymentName, buildId } = build ?? current ?? {}
  const isServed = polling.some(
    ({ deploymentOptions: o }) => !buildId || (o?.deploymentName === deploymentName && o?.buildId === buildId),
  )
  const because = !buildId
    ? `no worker polls the queue ${name} of namespace ${namespace}: start them (\`hillock worker\`, or \`hillock up\` here)`
    : `no worker of build ${buildId} of deployment ${deploymentName} polls the queue ${name}: start them (HILLOCK_DEPLOYMENT=${deploymentName} HILLOCK_REVISION=${buildId}, with that code), or let ${
        build
          ? 'its runs go on with another build: `hillock deployment move RUN --to BUILD`'
          : 'new runs go to another build: `hillock deployment set-current BUILD`, or to workers without HILLOCK_DEPLOYMENT: `hillock up` without it'
      }`
  return {
    name,
    pollers: polling.map(p => ({
      identity: p.identity ?? '',
      build: p.deploymentOptions?.buildId ?? '',
      isPinned: p.deploymentOptions?.workerVersioningMode === 2,
    })),
    current,
    unserved: isServed ? undefined : because,
  }
}

export const lookAtQueues = (client: Client): Promise<Queue[]> =>
  Promise.all(Object.values(queues).map(name => lookAtQueue(client, name)))

/** What this process cannot read of what they write, and they of what it writes, in lines with what to do. @throws HillockError ConfigError for keys that are none */
export function unreadable(found: readonly Queue[]): { readonly here: string[]; readonly there: string[] } {
  const own = keyIds()
  const all = [...new Set(found.flatMap(q => q.pollers.map(p => p.identity)))]
  const keysOf = (identity: string): string[] => / keys (\S+)$/.exec(identity)?.[1]!.split(',') ?? []
  const set = own.length > 0 ? `has only ${own.join(', ')} here` : 'is not set here'
  return {
    here: all
      .filter(i => keysOf(i).length > 0 && !own.includes(keysOf(i)[0]!))
      .map(
        i =>
          `worker ${i} encrypts payloads with its first key, and HILLOCK_PAYLOAD_KEY ${set}: name the keys of the workers`,
      ),
    there: all
      .filter(i => own.length > 0 && !keysOf(i).includes(own[0]!))
      .map(
        i =>
          `worker ${i} cannot read payloads that are encrypted with key ${own[0]}: start it with that HILLOCK_PAYLOAD_KEY`,
      ),
  }
}

const STATES = ['unknown', 'inactive', 'current', 'ramping', 'draining', 'drained', 'created'] as const
const PINNED = 1
/** A parent that is moved may have started a child before: the list is read again until nothing is left of another build. */
const ROUNDS = 20

export interface Build {
  readonly build: string
  /** draining: runs that began with it are under way; drained: its workers can be stopped. */
  readonly state: (typeof STATES)[number]
  /** Share of new runs. */
  readonly percent: number
  /** When it was current for the last time, in seconds since 1970; 0: never. */
  readonly lastCurrent: number
}

/** @throws HillockError ConfigError where no worker has ever named that deployment */
export async function buildsOf(client: Client, deploymentName: string): Promise<Build[]> {
  const { namespace } = client.options
  const found = await client.workflowService
    .describeWorkerDeployment({ namespace, deploymentName })
    .catch((e: Error & { code?: number }) => {
      if (e.code !== 5) throw e
      throw configError(
        `no worker of namespace ${namespace} has named the deployment ${deploymentName}: start them with HILLOCK_DEPLOYMENT=${deploymentName}`,
      )
    })
  const { versionSummaries, routingConfig: to } = found.workerDeploymentInfo ?? {}
  const ramping = to?.rampingDeploymentVersion?.buildId
  const ramped = ramping ? (to?.rampingVersionPercentage ?? 0) : 0
  return (versionSummaries ?? []).map(v => {
    const build = v.deploymentVersion?.buildId ?? ''
    const isCurrent = build === to?.currentDeploymentVersion?.buildId
    return {
      build,
      state: STATES[v.status ?? 0]!,
      percent: isCurrent ? 100 - ramped : build === ramping ? ramped : 0,
      lastCurrent: isCurrent ? Date.now() / 1000 : secondsOf(v.lastCurrentTime),
    }
  })
}

/** The build that a name or the beginning of one means. @throws HillockError ConfigError where none or several do */
export function buildNamed(builds: readonly Build[], name: string): Build {
  const exact = builds.find(b => b.build === name)
  const meant = exact ? [exact] : builds.filter(b => b.build.startsWith(name))
  if (meant.length === 1) return meant[0]!
  const all = builds.map(b => b.build).join(', ')
  throw configError(`${name} names ${meant.length} builds of the deployment; there are ${all}`)
}

/** New runs go to this build. Nothing is changed for those under way. */
export const setCurrent = (client: Client, deploymentName: string, buildId: string): Promise<unknown> =>
  client.workflowService.setWorkerDeploymentCurrentVersion({
    namespace: client.options.namespace,
    deploymentName,
    buildId,
    version: `${deploymentName}.${buildId}`,
    ignoreMissingTaskQueues: true,
  })

/** So many percent of new runs go to this build; 0 ends it. */
export const ramp = (client: Client, deploymentName: string, buildId: string, percentage: number): Promise<unknown> =>
  client.workflowService.setWorkerDeploymentRampingVersion({
    namespace: client.options.namespace,
    deploymentName,
    ...(percentage > 0 ? { buildId, version: `${deploymentName}.${buildId}` } : { buildId: '', version: '' }),
    percentage,
    ignoreMissingTaskQueues: true,
  })

/**
 * Lets a run, and every workflow below it, go on with another build. Returns how many were moved. Its workflow code must fit the
 * histories, or Temporal holds them with a nondeterminism error.
 */
export async function moveRun(client: Client, root: string, deploymentName: string, buildId: string): Promise<number> {
  const { namespace } = client.options
  const query = `RootWorkflowId = '${root}' AND ExecutionStatus = 'Running'`
  const pinned = { pinned: { behavior: PINNED, version: { deploymentName, buildId } } }
  const moved = new Set<string>()
  for (let round = 0, isMoved = true; isMoved && round < ROUNDS; round++) {
    isMoved = false
    for await (const { workflowId, runId } of client.workflow.list({ query })) {
      if (moved.has(runId)) continue
      isMoved = true
      await client.workflowService
        .updateWorkflowExecutionOptions({
          namespace,
          workflowExecution: { workflowId, runId },
          workflowExecutionOptions: { versioningOverride: pinned },
          updateMask: { paths: ['versioning_override'] },
        })
        .catch((e: Error & { code?: number }) => {
          // It has ended meanwhile.
          if (e.code !== 5) throw e
        })
      moved.add(runId)
    }
  }
  return moved.size
}
