// `hillock doctor`: whether all that is configured is there and fit, in lines that say what to do.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Connection } from '@temporalio/client'
import { keyIds } from '../../../storage/encryption.ts'
import { checkout, home, readStack } from '../../../worker/home.ts'
import { lookAtNamespace } from '../../../worker/namespace.ts'
import { codeRevision } from '../../../worker/runtime.ts'
import { configuredTemporal } from '../../../worker/temporal-config.ts'
import { tryBucket } from '../../processes/bucket-access.ts'
import { bucketUrl } from '../../catalogue.ts'
import { connect } from '../../connection.ts'
import { inDays } from '../../numbers.ts'
import { lookAtQueues, secondsOf, unreadable, type Queue } from '../../processes/builds.ts'
import { say, type JsonOption } from '../../report.ts'

const ANSWER_MS = 3000
/** Clocks that differ by more mislead schedules and whoever reads times. */
const SKEW_SECONDS = 5

export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly says: string
}
const ok = (name: string, says: string): Check => ({ name, ok: true, says })
const bad = (name: string, says: string): Check => ({ name, ok: false, says })
/** `says` is what is right with it. */
const check = (name: string, work: () => Promise<string>): Promise<Check> =>
  work().then(
    says => ok(name, says),
    (e: Error) => bad(name, e.message),
  )

export async function doctor(o: JsonOption): Promise<void> {
  const checks = await diagnose()
  const isFit = checks.every(c => c.ok)
  if (!isFit) process.exitCode = 1
  say(
    o,
    { ok: isFit, checks },
    checks.map(c => `${c.ok ? 'ok  ' : 'FAIL'}  ${c.name.padEnd(10)}  ${c.says}`),
  )
}

export const diagnose = async (): Promise<Check[]> =>
  (await Promise.all([ofTemporal(), check('bucket', ofBucket), check('models', ofModels)])).flat()

async function ofTemporal(): Promise<Check[]> {
  let client: Client
  let address: string
  try {
    address = readStack(home())?.temporal ?? configuredTemporal().address
    client = await connect(address)
  } catch (e) {
    return [bad('address', (e as Error).message)]
  }
  const connection = client.connection as Connection
  try {
    return await connection.withDeadline(Date.now() + ANSWER_MS, async () => {
      const { serverVersion } = await connection.workflowService.getSystemInfo({})
      const { namespace, days, troubles } = await lookAtNamespace(connection)
      const said = [
        ok('address', `${address} answers, Temporal ${serverVersion}`),
        ...troubles.map(t => bad('namespace', t)),
      ]
      if (days === undefined) return said
      if (troubles.length === 0)
        said.push(ok('namespace', `${namespace} has its search attributes, and keeps histories for ${inDays(days)}`))
      const queues = await lookAtQueues(client)
      return [
        ...said,
        ...queues.map(ofQueue),
        ofBuilds(queues),
        await check('encryption', async () => ofEncryption(queues)),
        await check('clock', () => ofClock(connection, namespace)),
      ]
    })
  } catch (e) {
    return [bad('address', (e as Error).message)]
  } finally {
    await connection.close()
  }
}

const ofQueue = ({ name, pollers, unserved }: Queue): Check =>
  unserved === undefined
    ? ok('queue', `${name}: polled by ${[...new Set(pollers.map(p => p.identity))].join(', ')}`)
    : bad('queue', unserved)

/** Builds that take part in no Worker Deployment take each other's work: of those there may be one. */
function ofBuilds(queues: readonly Queue[]): Check {
  const all = queues.flatMap(q => q.pollers)
  const names = (isPinned: boolean): string[] => [
    ...new Set(all.filter(p => p.isPinned === isPinned && p.build !== '').map(p => p.build)),
  ]
  const [loose, pinned] = [names(false), names(true)]
  if (loose.length > 1)
    return bad(
      'builds',
      `${loose.join(' and ')} poll side by side, and each takes up what the other began: stop one, or name a deployment in HILLOCK_DEPLOYMENT for both`,
    )
  const current = queues.find(q => q.current?.buildId)?.current
  const to = current ? `; new runs go to ${current.buildId} of deployment ${current.deploymentName}` : ''
  if (pinned.length > 0 && !current)
    return bad(
      'builds',
      `no build of their deployment is current, so that no new run comes to ${pinned.join(', ')}: \`hillock deployment set-current ${pinned[0]}\``,
    )
  return ok('builds', `${[...loose, ...pinned].join(', ') || 'none'}${to}; this is ${codeRevision()}`)
}

function ofEncryption(found: readonly Queue[]): string {
  const { here, there } = unreadable(found)
  const [why] = [...here, ...there]
  if (why !== undefined) throw new Error(why)
  const [first, ...others] = keyIds()
  if (first === undefined) return 'payloads are not encrypted'
  return `payloads are encrypted with key ${first}${others.length > 0 ? `; ${others.join(', ')} still decrypt` : ''}`
}

/** The server says when it was asked: by its own clock. */
async function ofClock(connection: Connection, namespace: string): Promise<string> {
  const taskQueue = { name: `hillock-doctor-${randomUUID()}` }
  const asked = new AbortController()
  const before = Date.now()
  void connection
    .withAbortSignal(asked.signal, () =>
      connection.workflowService.pollWorkflowTaskQueue({ namespace, taskQueue, identity: 'hillock doctor' }),
    )
    .catch(() => {})
  try {
    for (;;) {
      const { pollers } = await connection.workflowService.describeTaskQueue({ namespace, taskQueue, taskQueueType: 1 })
      const at = pollers?.[0]?.lastAccessTime
      if (at) {
        const [early, late] = [before / 1000 - secondsOf(at), secondsOf(at) - Date.now() / 1000]
        const skew = Math.max(0, early, late)
        if (skew > SKEW_SECONDS)
          throw new Error(
            `the clock of this machine and that of Temporal differ by ${skew.toFixed(0)} s: set them by NTP`,
          )
        return `this machine and Temporal agree within ${Math.max(1, Math.ceil(skew))} s`
      }
      await sleep(50)
    }
  } finally {
    asked.abort()
  }
}

async function ofBucket(): Promise<string> {
  const url = bucketUrl()
  await tryBucket(url)
  return `${url} can be read and written`
}

/** What comes with Hillock; a model that a run file names is held against its card by the run itself. */
async function ofModels(): Promise<string> {
  const cards = globSync(join(checkout, 'models/*/card.json'))
  if (cards.length === 0) throw new Error(`no model is in ${join(checkout, 'models')}: restore that folder`)
  for (const card of cards) {
    const { file, sha256 } = JSON.parse(readFileSync(card, 'utf8')) as { file: string; sha256: string }
    const path = join(dirname(card), file)
    if (!existsSync(path)) throw new Error(`${path} is not there: restore it`)
    if (createHash('sha256').update(readFileSync(path)).digest('hex') !== sha256)
      throw new Error(`${path} is not the model that its card names: restore it`)
  }
  return cards.map(c => relative(join(checkout, 'models'), dirname(c))).join(', ')
}
