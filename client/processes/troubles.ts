// Why nothing moves on: what a look at the processes, the disk, the bucket, Temporal and its pending activities says, in lines; every wait of a command says so.
import { statfsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { queues } from '../../domain/contract/names.ts'
import { HANDED, type ActivityReport } from '../../domain/contract/artifacts.ts'
import { isHillockError } from '../../domain/errors.ts'
import { stages, type StageName } from '../../domain/stages.ts'
import { messageOf, valueOf } from '../../storage/encryption.ts'
import { folderOf, openStore } from '../../storage/stores/open-store.ts'
import { knownMark } from '../../worker/bucket-mark.ts'
import { home, type Home, type StackRecord } from '../../worker/home.ts'
import { processOf } from '../../worker/identity.ts'
import { connect, following } from '../connection.ts'
import { ago, lookAtQueue } from './builds.ts'

/** Less is a full disk: a block or a page of Temporal's database no longer fits. */
const ROOM = 8 << 20
/** A step of a workflow is taken up at once where a worker serves it. */
const TAKEN_UP_MS = 8000
const ANSWER_MS = 5000
/** Workflows looked at: those further down wait for these. */
const LOOKED = 40

type Described = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['describe']>>['raw']
const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, 300)

/** Of the processes of this machine, their disk and the bucket. */
export async function troublesHere(h: Home, stack: StackRecord): Promise<string[]> {
  const lines = Object.entries(stack.waits).map(([name, why]) => `${name} ${why}`)
  for (const [name, pid] of Object.entries({
    ...(stack.pid > 0 && { 'the keeper of the stack': stack.pid }),
    ...stack.children,
  })) {
    const found = processOf(pid)
    if (!found) lines.push(`${name} (process ${pid}) is gone`)
    else if (found.state === 'T') lines.push(`${name} (process ${pid}) is stopped; kill -CONT ${pid} lets it go on`)
  }
  for (const folder of new Set([h.root, folderOf(h.bucket) ?? h.root]))
    try {
      const { bavail, bsize } = statfsSync(folder)
      if (bavail * bsize < ROOM)
        lines.push(
          `no space left on the disk of ${folder} (${Math.floor((bavail * bsize) / 1024)} KiB free): make room`,
        )
    } catch {
      // Away: that is said next.
    }
  await openStore(h.bucket, { mark: knownMark(h), patienceMs: 0 })
    .size('none')
    .catch((e: unknown) => lines.push(`bucket: ${oneLine((e as Error).message)}`))
  return lines
}

/** Of workflows and all that is open below them. */
export async function troublesOf(client: Client, address: string, ids: Iterable<string>): Promise<string[]> {
  const lines = new Set<string>()
  const open = [...ids]
  try {
    await client.connection.withDeadline(Date.now() + ANSWER_MS, async () => {
      for (let i = 0; i < Math.min(open.length, LOOKED); i++) {
        const found = await described(client, open[i]!)
        if (!found) continue
        for (const line of await ofWorkflow(client, open[i]!, found)) lines.add(line)
        for (const { workflowId } of found.pendingChildren ?? []) if (workflowId) open.push(workflowId)
      }
    })
  } catch (e) {
    if (isHillockError(e)) lines.add(e.message)
    else lines.add(`Temporal at ${address} does not answer (${oneLine((e as Error).message)})`)
  }
  return [...lines]
}

async function described(client: Client, id: string): Promise<Described | undefined> {
  try {
    return (await client.workflow.getHandle(id).describe()).raw
  } catch (e) {
    if ((e as Error).name === 'WorkflowNotFoundError') return undefined
    throw e
  }
}

async function ofWorkflow(client: Client, id: string, found: Described): Promise<string[]> {
  const lines: string[] = []
  const waiting = new Set<(typeof queues)[keyof typeof queues]>()
  for (const a of found.pendingActivities ?? []) {
    const type = a.activityType?.name ?? 'activity'
    const { waits } = (valueOf(a.heartbeatDetails) ?? {}) as ActivityReport
    const failure = a.lastFailure && messageOf(a.lastFailure)
    if (waits) lines.push(`${type} waits: ${oneLine(waits)}`)
    else if (failure && a.lastFailure?.applicationFailureInfo?.type !== HANDED)
      lines.push(`${type} failed and is tried again: ${oneLine(failure)}`)
    if (!a.lastStartedTime) waiting.add(queues[stages[type as StageName]?.queue ?? 'index'])
  }
  const task = found.pendingWorkflowTask
  const isLate = task && !task.startedTime && ago(task.scheduledTime) > TAKEN_UP_MS
  if (task && (task.attempt ?? 1) > 1) lines.push(`${id} cannot go on and tries again: ${await failureOf(client, id)}`)
  const build = found.workflowExecutionInfo?.versioningInfo?.deploymentVersion ?? undefined
  for (const queue of waiting) lines.push((await lookAtQueue(client, queue, build)).unserved ?? '')
  if (isLate)
    lines.push((await lookAtQueue(client, queues.workflow, build)).unserved ?? `${id} waits for a free workflow worker`)
  return lines.filter(Boolean)
}

/** Of the newest step of a workflow that failed. */
async function failureOf(client: Client, workflowId: string): Promise<string> {
  const { namespace } = client.options
  const request = { namespace, execution: { workflowId }, maximumPageSize: 8 }
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse(request)
  const [failed] = (history?.events ?? []).flatMap(e => e.workflowTaskFailedEventAttributes ?? [])
  return oneLine(failed?.failure ? messageOf(failed.failure) : 'see its history')
}

const LOOK_MS = 1000
const SAY_MS = 10_000

let watching = false
let print = (line: string): void => console.error(line)

/** From now on lines go where a command wants them, such as above its progress; it shows by itself how far it is. */
export function sayThrough(say: (line: string) => void): void {
  following.shown = true
  print = say
}

/** From now on whatever happens to the stack is the business of who calls this. */
export const unwatch = (): void => void (watching = false)

/** Watches the stack while this process waits for something on it. @param standing starts it again where it was killed */
export function watch(standing: () => Promise<StackRecord>): void {
  if (watching) return
  watching = true
  void (async () => {
    let looked = Date.now()
    let said = ''
    let address: string | undefined
    for (;;) {
      await sleep(LOOK_MS, undefined, { ref: false })
      if (!watching) return
      try {
        const stack = await standing()
        const { temporal } = stack
        if ((address ??= temporal) !== temporal)
          throw new Error(
            `Temporal has another address now, ${temporal}: \`hillock status\` goes on from there, and so does the run`,
          )
        if (Date.now() - looked < SAY_MS) continue
        looked = Date.now()
        const lines = (await troubles(stack)).join('\n')
        if (lines !== said && lines !== '') print(lines)
        said = lines
      } catch (e) {
        console.error(`hillock: ${(e as Error).message}`)
        process.exit(1)
      }
    }
  })()
}

async function troubles(stack: StackRecord): Promise<string[]> {
  const here = await troublesHere(home(), stack)
  const own = following.ids
  const there = await connect(stack.temporal).then(
    async client => {
      try {
        return await troublesOf(client, stack.temporal, own)
      } finally {
        await client.connection.close()
      }
    },
    () => [`Temporal at ${stack.temporal} does not answer`],
  )
  const all = [...new Set([...here, ...there])]
  if (all.length > 0) return all.map(line => `waiting: ${line}`)
  return own.size === 0 || following.shown ? [] : [`waiting for ${[...own].join(', ')}`]
}
