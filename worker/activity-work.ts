// What a worker needs to execute activities: bucket, kernel pool, inference processes. A worker of workflow code loads none of it.
import { Runtime } from '@temporalio/worker'
import { createActivities } from '../activities/index.ts'
import { countRequest } from '../activities/meter.ts'
import { configError } from '../domain/errors.ts'
import { numberSetting, setting } from '../domain/settings.ts'
import { artifactStore } from '../storage/artifacts.ts'
import type { Request } from '../storage/stores/observed-store.ts'
import { openStore } from '../storage/stores/open-store.ts'
import { inferenceHost } from './inference.ts'
import { kernelPool } from './kernels/kernel-pool.ts'
import { onnxSettings, tryProvider } from './onnx/onnx-settings.ts'
import type { OwnStages, Role } from './role.ts'
import { runtime } from './runtime.ts'

/** A bucket that does not answer is told of in the log, not once for every request. */
const COMPLAIN_MS = 10_000
/** A bucket that is away for less is waited for within an attempt of an activity. */
const PATIENCE_MS = 10 * 60_000

/** @throws HillockError ConfigError */
export async function activityWork(role: Exclude<Role, 'workflow'>, revision: string, own: OwnStages) {
  const objects = openStore(setting('HILLOCK_BUCKET')!, {
    patienceMs: PATIENCE_MS,
    mark: setting('HILLOCK_BUCKET_MARK'),
    tell,
  })
  const pool = kernelPool()
  const onnx = onnxSettings()
  const host = inferenceHost(pids => process.send?.({ onnx: pids }), onnx.processes)
  if (role === 'inference' && onnx.provider !== 'cpu')
    await tryProvider(host.infer).catch((e: Error) => {
      throw configError(
        `HILLOCK_ONNX_PROVIDER is ${onnx.provider}, which cannot be used here (${e.message}): docs/deploy.md says what it needs`,
      )
    })
  const deps = {
    objects,
    artifacts: artifactStore(objects),
    compute: pool.compute,
    infer: host.infer,
    codeRevision: revision,
    runtime: runtime(),
    signingKey: setting('HILLOCK_SIGNING_KEY'),
  }
  return {
    activities: createActivities(deps, own.activities),
    // One activity more than compute, so that reading and writing overlap that.
    slots: numberSetting('HILLOCK_SLOTS') || 1 + (role === 'cpu' ? pool.threads : onnx.processes),
    close: async (): Promise<void> => {
      host.close()
      await pool.close()
    },
  }
}

let complained = 0
function tell(request: Request): void {
  countRequest(request)
  if (request.why === undefined || Date.now() - complained < COMPLAIN_MS) return
  complained = Date.now()
  Runtime.instance().logger.warn(`bucket: ${request.why}`)
}
