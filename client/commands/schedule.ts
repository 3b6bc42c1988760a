// `hillock schedule`: reprocessing and re-evaluation by the clock, or when sections arrive.
import { ScheduleNotFoundError, ScheduleOverlapPolicy, type Client, type ScheduleDescription } from '@temporalio/client'
import { queues, type ReprocessInput } from '../../domain/contract.ts'
import { HillockError } from '../../domain/errors.ts'
import { connect } from '../connection.ts'
import { readRunFile } from '../run-file.ts'
import { ensureStack } from '../stack.ts'
import { operator } from './control.ts'
import { makePlan, printPlan } from './plan.ts'

const overlaps = {
  skip: ScheduleOverlapPolicy.SKIP,
  'buffer-one': ScheduleOverlapPolicy.BUFFER_ONE,
  'buffer-all': ScheduleOverlapPolicy.BUFFER_ALL,
  'cancel-other': ScheduleOverlapPolicy.CANCEL_OTHER,
  'allow-all': ScheduleOverlapPolicy.ALLOW_ALL,
} as const

interface CreateOptions {
  readonly json?: boolean
  readonly set: readonly string[]
  readonly name: string
  readonly what: 'reprocess' | 'evaluate'
  readonly cron?: string
  readonly every?: string
  readonly onArrival?: string
  readonly overlap: string
  readonly pauseOnFailure?: boolean
  readonly catchup: string
}
interface Options {
  readonly json?: boolean
  readonly reason?: string
}

const PREFIX = 'schedule/'

/** A bucket tells nobody that a tile has come, so arrival is looked for: the plan of an unchanged source costs a few look-ups. */
export async function create(file: string, o: CreateOptions): Promise<void> {
  const config = readRunFile(file, o.set)
  const when = [o.cron, o.every, o.onArrival].filter(w => w !== undefined)
  if (when.length !== 1) throw new HillockError('ConfigError', 'say when: one of --cron, --every, --on-arrival')
  if (!(o.overlap in overlaps))
    throw new HillockError('ConfigError', `--overlap ${o.overlap}: one of ${Object.keys(overlaps).join(', ')}`)
  if (!['reprocess', 'evaluate'].includes(o.what))
    throw new HillockError('ConfigError', `--what ${o.what}: reprocess or evaluate`)
  const truth = config.evaluate.truth
  if (o.what === 'evaluate' && truth === undefined)
    throw new HillockError('ConfigError', `${file}: evaluate.truth: a schedule that evaluates needs it`)
  const { dataset } = config
  const scheduleId = `${PREFIX}${dataset}/${o.name}`
  const client = await connect((await ensureStack()).stack.temporal)
  const args: [ReprocessInput] | [object] =
    o.what === 'reprocess'
      ? [{ dataset, config }]
      : [{ dataset, release: null, truth, boxes: config.evaluate.sentinels }]
  await client.schedule.create({
    scheduleId,
    spec: o.cron ? { cronExpressions: [o.cron] } : { intervals: [{ every: (o.every ?? o.onArrival) as '1h' }] },
    action: {
      type: 'startWorkflow',
      workflowType: o.what === 'reprocess' ? 'reprocess' : 'evaluation',
      workflowId: `${o.what}/${dataset}/${o.name}`,
      taskQueue: queues.workflow,
      args,
      searchAttributes: { HillockDataset: [dataset] },
    },
    policies: {
      overlap: overlaps[o.overlap as keyof typeof overlaps],
      pauseOnFailure: o.pauseOnFailure ?? false,
      catchupWindow: o.catchup as '1d',
    },
    memo: { file, what: o.what, when: when[0] },
    searchAttributes: { HillockDataset: [dataset] },
  })
  return say(o, await client.schedule.getHandle(scheduleId).describe())
}

export async function list(dataset: string | undefined, o: Options): Promise<void> {
  const client = await connect((await ensureStack()).stack.temporal)
  const rows = []
  for await (const s of client.schedule.list())
    if (s.scheduleId.startsWith(`${PREFIX}${dataset ? `${dataset}/` : ''}`))
      rows.push({
        schedule: s.scheduleId.slice(PREFIX.length),
        paused: s.state.paused,
        note: s.state.note,
        next: s.info.nextActionTimes[0] ?? null,
      })
  if (o.json) console.log(JSON.stringify({ schedules: rows }))
  else if (rows.length === 0) console.log('no schedule yet')
  else
    for (const r of rows)
      console.log(`${r.schedule.padEnd(30)} ${r.paused ? `PAUSED: ${r.note}` : `next ${r.next?.toISOString() ?? '-'}`}`)
  process.exit(0)
}

export const show = (name: string, o: Options): Promise<void> => worked(name, o, async () => {})
export const trigger = (name: string, o: Options): Promise<void> => worked(name, o, h => h.trigger())
export const pause = (name: string, o: Options): Promise<void> => worked(name, o, h => h.pause(note(o)))
export const resume = (name: string, o: Options): Promise<void> => worked(name, o, h => h.unpause(note(o)))
const note = (o: Options): string => `${operator()}: ${o.reason ?? 'by hand'}`

export async function remove(name: string, o: Options): Promise<void> {
  const client = await connect((await ensureStack()).stack.temporal)
  await found(client, name)
  await client.schedule.getHandle(PREFIX + name).delete()
  console.log(o.json ? JSON.stringify({ deleted: name }) : `${name} is deleted`)
  process.exit(0)
}

/** What the schedule would do now. */
export async function plan(name: string, o: Options): Promise<void> {
  const client = await connect((await ensureStack()).stack.temporal)
  const { action } = await found(client, name)
  const { config } = action.args![0] as Partial<ReprocessInput>
  if (!config) throw new HillockError('ConfigError', `${name} evaluates: it makes nothing, so there is no plan`)
  printPlan(await makePlan(client, config), o)
  process.exit(0)
}

type Handle = ReturnType<Client['schedule']['getHandle']>

async function worked(name: string, o: Options, work: (handle: Handle) => Promise<void>): Promise<void> {
  const client = await connect((await ensureStack()).stack.temporal)
  await found(client, name)
  const handle = client.schedule.getHandle(PREFIX + name)
  await work(handle)
  return say(o, await handle.describe())
}

async function found(client: Client, name: string): Promise<ScheduleDescription> {
  try {
    return await client.schedule.getHandle(PREFIX + name).describe()
  } catch (e) {
    if (e instanceof ScheduleNotFoundError)
      throw new HillockError('ConfigError', `no schedule ${name}; \`hillock schedule list\` names them as DATASET/NAME`)
    throw e
  }
}

function say(o: Options, s: ScheduleDescription): never {
  const { paused, note } = s.state
  const value = {
    schedule: s.scheduleId.slice(PREFIX.length),
    ...s.memo,
    paused,
    note,
    overlap: s.policies.overlap,
    pauseOnFailure: s.policies.pauseOnFailure,
    next: s.info.nextActionTimes.slice(0, 3),
    recent: s.info.recentActions.map(a => ({ at: a.takenAt, workflow: a.action.workflow.workflowId })),
  }
  if (o.json) console.log(JSON.stringify(value))
  else {
    const memo = s.memo as { file?: string; what?: string; when?: string } | undefined
    console.log(`${value.schedule}: ${memo?.what} ${memo?.file}, ${memo?.when}${paused ? `, PAUSED: ${note}` : ''}`)
    for (const at of value.next) console.log(`  next ${at.toISOString()}`)
    for (const r of value.recent) console.log(`  did  ${r.at.toISOString()} ${r.workflow}`)
  }
  process.exit(0)
}
