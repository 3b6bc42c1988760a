// Worker Deployment versioning: where HILLOCK_DEPLOYMENT names a deployment, a run stays with the build that started it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '@temporalio/client'
import type { WorkerDeploymentOptions } from '@temporalio/worker'
import { queues } from '../domain/contract/names.ts'
import { setting } from '../domain/settings.ts'
import { connectTo } from './connection.ts'
import { temporalConfig } from './temporal-config.ts'

const TRY_MS = 500
const TRIES = 120

/** Options of every worker, whatever its role: activities of a pinned run go to workers of the same build. */
export const versioning = (revision: string): { workerDeploymentOptions: WorkerDeploymentOptions } => {
  const buildId = setting('TEMPORAL_WORKER_BUILD_ID') ?? revision
  const deploymentName = setting('HILLOCK_DEPLOYMENT') ?? setting('TEMPORAL_DEPLOYMENT_NAME')
  // Its name says nothing then; the build is for whoever looks at who polls.
  if (!deploymentName)
    return { workerDeploymentOptions: { version: { deploymentName: 'hillock', buildId }, useWorkerVersioning: false } }
  return {
    workerDeploymentOptions: {
      version: { deploymentName, buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  }
}

interface Version {
  readonly deploymentName: string
  readonly buildId: string
}

/**
 * New runs start on this version from now on; without one, on workers that take no part in versioning, as after a stack that did.
 * Waits until a worker of it has asked for work: the server knows it only then.
 */
export async function makeCurrent(address: string, wanted?: Version): Promise<void> {
  const connection = await connectTo(address)
  const { namespace } = temporalConfig()
  try {
    for (let i = 1; ; i++)
      try {
        const version = wanted ?? (await nothingOf(connection, namespace))
        if (version === undefined) return
        await connection.workflowService.setWorkerDeploymentCurrentVersion({
          namespace,
          ...version,
          version: wanted ? `${wanted.deploymentName}.${wanted.buildId}` : '__unversioned__',
          ignoreMissingTaskQueues: true,
        })
        return
      } catch (e) {
        if (i === TRIES) throw e
        await sleep(TRY_MS)
      }
  } finally {
    await connection.close()
  }
}

/** The deployment that new runs would go to, without a build of it; undefined where they go to none. */
async function nothingOf(connection: Connection, namespace: string): Promise<Version | undefined> {
  const { versioningInfo } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queues.workflow },
  })
  const deploymentName = versioningInfo?.currentDeploymentVersion?.deploymentName
  if (!deploymentName) return undefined
  console.error(
    `${new Date().toISOString()} new runs no longer go to deployment ${deploymentName}: HILLOCK_DEPLOYMENT is not set`,
  )
  return { deploymentName, buildId: '' }
}
