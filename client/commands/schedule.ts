// `hillock schedule`: reprocessing and re-evaluation by the clock, or when sections arrive.
import { resolve } from 'node:path'
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleUpdateOptions,
} from '@temporalio/client'
import type { ReprocessInput } from '../../domain/contract/run.ts'
import { attributesOf } from '../../domain/contract/search-attributes.ts'
import { configError, type HillockError } from '../../domain/errors.ts'
import { isShared } from '../../storage/foreign/inputs.ts'
import { onStack } from '../call.ts'
import { slugOf } from '../names.ts'
import { secondsOf } from '../numbers.ts'
import { say as print, type JsonOption } from '../report.ts'
import { readRunFileAt } from '../run-file.ts'
import { actionOf, changed, checkTruth, givenOf, outcomeOf, specOf, type Given, type When } from '../schedule.ts'
import { operator } from './operate.ts'
import { makePlan, printPlan } from './plan.ts'

const overlaps = {
  skip: ScheduleOverlapPolicy.SKIP,
  'buffer-one': ScheduleOverlapPolicy.BUFFER_ONE,
  'buffer-all': ScheduleOverlapPolicy.BUFFER_ALL,
  'cancel-other': ScheduleOverlapPolicy.CANCEL_OTHER,
  'allow-all': ScheduleOverlapPolicy.ALLOW_ALL,
} as const

interface CreateOptions extends When, JsonOption {
  readonly set: readonly string[]
  readonly name: string
  readonly what: Given['what']
  readonly overlap: string
  readonly pauseOnFailure?: boolean
  readonly catchup: string
}
interface UpdateOptions extends When, JsonOption {
  readonly file?: string
  readonly set?: readonly string[]
}
interface Options extends JsonOption {
  readonly reason?: string
}

const PREFIX = 'schedule/'
const absolute = (file: string): string => (isShared(file) ? file : resolve(file))

/** A bucket tells nobody that a tile has come, so arrival is looked for: the plan of an unchanged source costs a few look-ups. */
export async function create(file: string, o: CreateOptions): Promise<void> {
  const config = await readRunFileAt(file, o.set)
  const { spec, when } = specOf(o)
  if (!Object.hasOwn(overlaps, o.overlap))
    throw configError(`--overlap ${o.overlap}: one of ${Object.keys(overlaps).join(', ')}`)
  if (!['reprocess', 'evaluate'].includes(o.what)) throw configError(`--what ${o.what}: reprocess or evaluate`)
  const catchupWindow = secondsOf('--catchup', o.catchup, 10) * 1000
  const slug = slugOf('--name', o.name)
  const name = `${config.dataset}/${slug}`
  const given = { file: absolute(file), set: o.set, what: o.what, when }
  checkTruth(config, given)
  const { client } = await onStack()
  const action = await actionOf(config, slug, given)
  await client.schedule
    .create({
      scheduleId: PREFIX + name,
      spec,
      action,
      policies: {
        overlap: overlaps[o.overlap as keyof typeof overlaps],
        pauseOnFailure: o.pauseOnFailure ?? false,
        catchupWindow,
      },
      typedSearchAttributes: attributesOf({ dataset: config.dataset }),
    })
    .catch((e: unknown) => {
      if (e instanceof ScheduleAlreadyRunning)
        throw configError(
          `there is a schedule ${name} already: \`hillock schedule update ${name}\` gives it the run file as it is now`,
        )
      throw refused(e)
    })
  if (await isNever(client, name)) {
    await client.schedule.getHandle(idOf(name)).delete()
    throw never(when)
  }
  return say(client, name, o, CREATED)
}

const isNever = async (client: Client, name: string): Promise<boolean> =>
  (await found(client, name)).info.nextActionTimes.length === 0
const never = (when: string): HillockError =>
  configError(`${when}: such a moment never comes, so the schedule would never act`)

const CREATED = 'it keeps the run file as it is now; after a change `hillock schedule update` gives it the new one'

/** The run file as it is now, or another; and another time where one is given. */
export async function update(name: string, o: UpdateOptions): Promise<void> {
  const { client } = await onStack()
  const before = await found(client, name)
  const given = { ...givenOf(before), ...(o.file && { file: absolute(o.file) }), ...(o.set && { set: o.set }) }
  const config = await readRunFileAt(given.file, given.set)
  const [dataset, slug] = idOf(name).slice(PREFIX.length).split('/') as [string, string]
  if (config.dataset !== dataset)
    throw configError(`${given.file} is of dataset ${config.dataset}, the schedule of ${dataset}`)
  const timed = o.cron ?? o.every ?? o.onArrival ?? o.timeZone
  const { spec, when } = timed === undefined ? { spec: before.spec, when: given.when } : specOf(o)
  checkTruth(config, given)
  const action = await actionOf(config, slug, { ...given, when })
  const set = (to: object): Promise<void> =>
    client.schedule.getHandle(idOf(name)).update(prev => ({ ...prev, ...to }) as ScheduleUpdateOptions)
  await set({ spec, action }).catch((e: unknown) => {
    throw refused(e)
  })
  if (timed !== undefined && (await isNever(client, name))) {
    await set({ spec: before.spec, action: before.action })
    throw never(when)
  }
  return say(client, name, o, CREATED)
}

/** What the server does not take of an expression or a zone, in its words: the client throws a bare TypeError then. */
const refused = (e: unknown): unknown =>
  e instanceof TypeError
    ? configError(
        `--cron: ${e.message}; an expression has five fields (minute hour day month weekday), a zone a name (Europe/Zurich)`,
      )
    : e

export async function list(dataset: string | undefined, o: Options): Promise<void> {
  const { client } = await onStack()
  const rows: { schedule: string; paused: boolean; note: string | undefined; next: Date | null }[] = []
  for await (const s of client.schedule.list())
    if (s.scheduleId.startsWith(`${PREFIX}${dataset ? `${dataset}/` : ''}`))
      rows.push({
        schedule: s.scheduleId.slice(PREFIX.length),
        paused: s.state.paused,
        note: s.state.note,
        next: s.info.nextActionTimes[0] ?? null,
      })
  const line = (r: (typeof rows)[number]): string =>
    `${r.schedule.padEnd(30)} ${r.paused ? `PAUSED: ${r.note}` : `next ${r.next?.toISOString() ?? '-'}`}`
  print(o, { schedules: rows }, rows.length === 0 ? 'no schedule yet' : rows.map(line))
}

export const show = (name: string, o: Options): Promise<void> => worked(name, o, async () => {})
export const trigger = (name: string, o: Options): Promise<void> => worked(name, o, h => h.trigger())
export const pause = (name: string, o: Options): Promise<void> => worked(name, o, h => h.pause(note(o)))
export const resume = (name: string, o: Options): Promise<void> => worked(name, o, h => h.unpause(note(o)))
const note = (o: Options): string => `${operator()}: ${o.reason ?? 'by hand'}`

export async function remove(name: string, o: Options): Promise<void> {
  const { client } = await onStack()
  await found(client, name)
  await client.schedule.getHandle(idOf(name)).delete()
  print(o, { deleted: name }, `${name} is deleted`)
}

/** What the schedule would do now. */
export async function plan(name: string, o: Options): Promise<void> {
  const { client } = await onStack()
  const { action } = await found(client, name)
  const { config } = action.args![0] as Partial<ReprocessInput>
  if (!config) throw configError(`${name} evaluates: it makes nothing, so there is no plan`)
  await printPlan(await makePlan(client, config), config, o)
}

/** `DATASET/NAME`, the name as it was given or as it is listed. */
function idOf(name: string): string {
  const at = name.indexOf('/')
  return at < 0 ? PREFIX + name : `${PREFIX}${name.slice(0, at)}/${slugOf('schedule', name.slice(at + 1))}`
}

type Handle = ReturnType<Client['schedule']['getHandle']>

async function worked(name: string, o: Options, work: (handle: Handle) => Promise<void>): Promise<void> {
  const { client } = await onStack()
  await found(client, name)
  await work(client.schedule.getHandle(idOf(name)))
  return say(client, name, o)
}

async function found(client: Client, name: string): Promise<ScheduleDescription> {
  try {
    return await client.schedule.getHandle(idOf(name)).describe()
  } catch (e) {
    if (e instanceof ScheduleNotFoundError)
      throw configError(`no schedule ${name}; \`hillock schedule list\` names them as DATASET/NAME`)
    throw e
  }
}

async function say(client: Client, name: string, o: Options, note?: string): Promise<void> {
  const s = await found(client, name)
  const { paused, note: why } = s.state
  const given = givenOf(s)
  const differs = note === undefined ? await changed(s) : undefined
  const value = {
    schedule: s.scheduleId.slice(PREFIX.length),
    ...given,
    timeZone: s.spec.timezone || 'UTC',
    changed: differs !== undefined,
    paused,
    note: why,
    overlap: s.policies.overlap,
    pauseOnFailure: s.policies.pauseOnFailure,
    next: s.info.nextActionTimes.slice(0, 3),
    recent: await Promise.all(
      s.info.recentActions.map(async a => {
        const { workflowId } = a.action.workflow
        return { at: a.takenAt, workflow: workflowId, outcome: await outcomeOf(client, workflowId) }
      }),
    ),
  }
  print(o, value, [
    `${value.schedule}: ${given.what} ${given.file}, ${given.when}${paused ? `, PAUSED: ${why}` : ''}`,
    ...(note ? [`  ${note}`] : []),
    ...(differs ? [`  of the run file it keeps what was given; ${differs} (\`hillock schedule update ${name}\`)`] : []),
    ...value.next.map(at => `  next ${inZone(at, value.timeZone)}`),
    ...value.recent.map(r => `  did  ${inZone(r.at, value.timeZone)} ${r.workflow}: ${r.outcome}`),
  ])
}

/** `2026-11-27 04:00:00 Europe/Zurich`, beside it UTC where that is another. */
function inZone(at: Date, timeZone: string): string {
  // Sweden writes dates as ISO 8601 does.
  const local = at.toLocaleString('sv', { timeZone })
  return timeZone === 'UTC'
    ? `${local} UTC`
    : `${local} ${timeZone} (${at.toLocaleString('sv', { timeZone: 'UTC' })} UTC)`
}
