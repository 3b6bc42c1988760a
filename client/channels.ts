// Moving a channel: what is checked before a release is published or taken back, a rollback started and followed; for the command line and the server.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client'
import * as messages from '../domain/contract/messages.ts'
import { priorities, queues, workflowIds } from '../domain/contract/names.ts'
import type { RollbackInput, RollbackResult } from '../domain/contract/rollback.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'
import { configError } from '../domain/errors.ts'
import { cellsIn, key } from '../domain/geometry.ts'
import { CHANNELS, type Channel, type Release } from '../domain/release.ts'
import type { ChannelValue } from '../domain/releases/channel.ts'
import { rollbackSteps } from '../domain/releases/rollback-steps.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { publish } from '../workflows/housekeeping/publish.ts'
import type { rollback } from '../workflows/rollback.ts'
import { call } from './call.ts'
import { bucket, channelsOf, readRelease } from './catalogue.ts'
import { resultOf, whileOpen } from './execute.ts'
import { announcer, type Order } from './operator.ts'

/** @throws HillockError ConfigError */
export function channelNamed(name: string): Channel {
  const found = CHANNELS.find(c => c === name)
  if (!found) throw configError(`--channel ${name}: one of ${CHANNELS.join(', ')}`)
  return found
}

/** Points a channel at a release. @param force also where the gate of its run file refuses it */
export async function publishRelease(
  client: Client,
  { dataset, release }: Pick<Release, 'dataset' | 'release'>,
  channel: Channel,
  order: Order,
  force = false,
): Promise<ChannelValue> {
  const id = workflowIds.publish(dataset, channel, release)
  const move = { dataset, channel, release, ...order, force }
  return call<typeof publish>(client, 'publish', id, [move], { dataset, release })
}

interface RollbackOrder extends Order {
  readonly channel: Channel
  readonly to?: string | undefined
  readonly from?: string | undefined
  readonly regions?: readonly string[] | undefined
}

/** What a rollback is to be given, once it is sure that it can begin. @throws HillockError ConfigError with the reason why it can not */
export async function rollbackInput(
  objects: ObjectStore,
  connected: () => Promise<Client>,
  dataset: string,
  { channel, to, from: named, regions = [], by, reason }: RollbackOrder,
): Promise<RollbackInput> {
  const now = (await channelsOf(objects, dataset))[channel]
  if (!now) throw configError(`channel ${channel} of ${dataset} is not set, so there is nothing to roll back`)
  const from = named ?? now.release
  if (to !== undefined && (await readRelease(objects, dataset, to)) === undefined)
    throw configError(`--to ${to}: there is no such release of ${dataset}`)
  if (to !== undefined && to === from) throw configError(`--to ${to}: that is the release to go back from`)
  if (regions.length > 0) await checkRegions(objects, dataset, from, regions)
  // A second call for the same release follows the rollback that is under way, which has moved the channel already.
  if (from !== now.release && !(await underWay(await connected(), workflowIds.rollback(dataset, channel, from))))
    throw configError(
      `--from ${from}: ${dataset}/${channel} names ${now.release} now (${now.by}: ${now.reason}), so it is not taken back`,
    )
  return { dataset, channel, from, to: to ?? null, by, reason, regions }
}

const underWay = (client: Client, workflowId: string): Promise<boolean> =>
  client.workflow
    .getHandle(workflowId)
    .describe()
    .then(
      d => d.status.name === 'RUNNING',
      () => false,
    )

async function checkRegions(
  objects: ObjectStore,
  dataset: string,
  from: string,
  regions: readonly string[],
): Promise<void> {
  const bad = await readRelease(objects, dataset, from)
  if (!bad) throw configError(`there is no release ${from} of ${dataset}`)
  const known = new Set(cellsIn(bad.bounds, bad.regionShape).map(key))
  const unknown = regions.filter(r => !known.has(r))
  if (unknown.length > 0)
    throw configError(`--regions: ${from} has no region ${unknown.join(', ')}; regions are named x_y_z`)
}

type Handle = WorkflowHandleWithFirstExecutionRunId<typeof rollback>

/** One rollback of a release at a time: a second call follows the first. */
export const startRollback = (client: Client, input: RollbackInput): Promise<Handle> =>
  client.workflow.start<typeof rollback>('rollback', {
    workflowId: workflowIds.rollback(input.dataset, input.channel, input.from),
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue: queues.workflow,
    args: [input],
    staticSummary: `rollback of ${input.from}: ${input.reason}`,
    priority: { fairnessKey: input.dataset, priorityKey: priorities.rollback },
    typedSearchAttributes: attributesOf({ dataset: input.dataset, release: input.from }),
  })

const does = new Map(Object.values(rollbackSteps).map(s => [s.name, s.does]))

/** Starts a rollback, or joins the one under way; tells of every step that changes its state, and what the channel names then. @throws HillockError what the rollback failed with. */
export async function rollBack(
  client: Client,
  input: RollbackInput,
  tell: (line: string) => void,
): Promise<RollbackResult> {
  const { dataset, channel, from } = input
  const handle = await startRollback(client, input)
  const objects = bucket()
  const told = new Map<string, string>()
  let sees = ''
  const show = async (): Promise<void> => {
    const steps = await Promise.race([handle.query(messages.saga), sleep(3000, [])]).catch(() => [])
    for (const s of steps) {
      if (told.get(s.name) === s.state) continue
      told.set(s.name, s.state)
      const why = ['failed', 'stuck'].includes(s.state) && s.error ? `: ${s.error}` : ''
      tell(
        `${s.name.padEnd(16)} ${s.state}${why}${s.state === 'running' && does.has(s.name) ? `  (${does.get(s.name)})` : ''}`,
      )
    }
    const now = (await channelsOf(objects, dataset))[channel]?.release ?? 'nothing'
    if (now !== sees) tell(`  a reader of ${dataset}/${channel} sees ${now}`)
    sees = now
  }
  const announce = announcer(client, id => id.includes(`/${dataset}/`) && id.includes(from), tell)
  return whileOpen(resultOf(handle), 500, async () => {
    await show()
    await announce()
  })
}
