// Who asks the queues for work: that somebody does, of the build that runs stay with, and which builds there are.
import type { Client } from '@temporalio/client'
import { queues } from '../../domain/contract/names.ts'
import { keyIds } from '../../storage/encryption.ts'

/** A worker that polls asks at least so often. */
const POLL_MS = 90_000
const WORKFLOW = 1
const ACTIVITY = 2

type Stamp = { seconds?: unknown; nanos?: number | null } | null | undefined
export const secondsOf = (t: Stamp): number => Number(t?.seconds ?? 0) + (t?.nanos ?? 0) / 1e9
export const ago = (t: Stamp): number => Date.now() - secondsOf(t) * 1000

export interface Build {
  deploymentName?: string | null
  buildId?: string | null
}

export interface Queue {
  readonly name: string
  /** Who has asked of late, newest first. */
  readonly pollers: readonly { readonly identity: string; readonly build: string; readonly isPinned: boolean }[]
  /** Where new runs go to a build of a Worker Deployment. */
  readonly current: Build | undefined
  /** Why nobody takes from it what stays with `build`, or what goes where new runs do; undefined where somebody does. */
  readonly unserved: string | undefined
}

type Name = (typeof queues)[keyof typeof queues]

export async function lookAtQueue(client: Client, name: Name, build?: Build): Promise<Queue> {
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
