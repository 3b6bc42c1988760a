// Garbage collection: a list of what nothing names, and later the deletion of what still nothing names.
import { continueAsNew, proxyActivities, sleep } from '@temporalio/workflow'
import { queues } from '../../domain/contract/names.ts'
import type { Collected, CollectTask } from '../../domain/contract/housekeeping.ts'
import { nonRetryable } from '../../domain/errors.ts'
import { SPARE } from '../../domain/stages.ts'
import type { Housekeeping } from '../../domain/contract/activities.ts'

const patient = proxyActivities<Pick<Housekeeping, 'planCollection' | 'collect'>>({
  taskQueue: queues.cpu,
  startToCloseTimeout: '1d',
  heartbeatTimeout: '12s',
  retry: { initialInterval: '5s', maximumAttempts: 20 + SPARE, nonRetryableErrorTypes: [...nonRetryable, 'TypeError'] },
})

/** Between two passes, in which the activities that waited for the first go on. */
const BREATH = '2m'

type Sum = Pick<Collected, 'artifacts' | 'raw' | 'memo'>

/** @param before what earlier passes have deleted */
export async function gc(
  task: CollectTask | null,
  before: Sum = { artifacts: 0, raw: 0, memo: 0 },
): Promise<Collected> {
  if (task === null) return patient.planCollection()
  const pass = await patient.collect(task)
  const sum = {
    artifacts: before.artifacts + pass.artifacts,
    raw: before.raw + pass.raw,
    memo: before.memo + pass.memo,
  }
  if (pass.left === 0) return { ...pass, ...sum }
  await sleep(BREATH)
  return continueAsNew<typeof gc>(task, sum)
}
