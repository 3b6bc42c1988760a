// Worker Deployment versioning: where HILLOCK_DEPLOYMENT names a deployment, a run stays with the build that started it.
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection } from '@temporalio/client'
import type { WorkerDeploymentOptions } from '@temporalio/worker'

const TRY_MS = 500
const TRIES = 120

/** Options of every worker, whatever its role: activities of a pinned run go to workers of the same build. */
export const versioning = (buildId: string): { workerDeploymentOptions?: WorkerDeploymentOptions } => {
  const deploymentName = process.env['HILLOCK_DEPLOYMENT']
  if (!deploymentName) return {}
  return {
    workerDeploymentOptions: {
      version: { deploymentName, buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  }
}

/** New runs start on this build from now on. Waits until a worker of it has asked for work: the server knows it only then. */
export async function makeCurrent(address: string, deploymentName: string, buildId: string): Promise<void> {
  const connection = await Connection.connect({ address })
  try {
    for (let i = 1; ; i++)
      try {
        await connection.workflowService.setWorkerDeploymentCurrentVersion({
          namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default',
          deploymentName,
          buildId,
          version: `${deploymentName}.${buildId}`,
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
