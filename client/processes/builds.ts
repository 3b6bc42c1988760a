// Builds of the Worker Deployment: which there are, which one new runs go to, and a run moved to another with all its children.
import type { Client } from '@temporalio/client'
import { configError } from '../../domain/errors.ts'
import { secondsOf } from './pollers.ts'

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
