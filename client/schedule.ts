// What a schedule is made of: when it acts, what it starts, the run file that it was given, and what came of it.
import type { Client, ScheduleDescription, ScheduleOptions } from '@temporalio/client'
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { RunConfig } from '../domain/config.ts'
import { queues } from '../domain/contract/names.ts'
import type { Evaluated } from '../domain/contract/release.ts'
import type { Reprocessed } from '../domain/contract/run.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'
import { configError } from '../domain/errors.ts'
import { causeOf } from './execute.ts'
import { withoutPaths } from './inputs.ts'
import { secondsOf } from './numbers.ts'
import { readRunFileAt } from './run-file.ts'

export interface When {
  readonly cron?: string
  readonly every?: string
  readonly onArrival?: string
  readonly timeZone?: string
}

/** The run file of a schedule, as it was given; kept with what it starts. */
export interface Given {
  readonly file: string
  readonly set: readonly string[]
  readonly what: 'reprocess' | 'evaluate'
  readonly when: string
}

/** @throws HillockError ConfigError unless one time is given, and one that can be meant */
export function specOf(o: When): { readonly spec: ScheduleOptions['spec']; readonly when: string } {
  const given = [o.cron, o.every, o.onArrival].filter(w => w !== undefined)
  if (given.length !== 1) throw configError('say when: one of --cron, --every, --on-arrival')
  if (o.cron !== undefined && o.timeZone === undefined && /^(CRON_)?TZ=/.test(o.cron))
    return { spec: { cronExpressions: [o.cron] }, when: `cron "${o.cron}"` }
  const timezone = zoneOf(o.timeZone ?? 'UTC')
  if (o.cron !== undefined)
    return { spec: { cronExpressions: [o.cron], timezone }, when: `cron "${o.cron}" in ${timezone}` }
  const [option, text] = o.every === undefined ? ['--on-arrival', o.onArrival!] : ['--every', o.every]
  if (o.timeZone !== undefined) throw configError(`--time-zone goes with --cron, not with ${option}`)
  const every = secondsOf(option!, text!, 1) * 1000
  return { spec: { intervals: [{ every }] }, when: `${option!.slice(2).replace('-', ' ')} ${text}` }
}

function zoneOf(name: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone
  } catch {
    throw configError(`--time-zone ${name}: there is no such zone; give it as Europe/Zurich or UTC`)
  }
}

const argsOf = (what: Given['what'], { dataset, evaluate, ...rest }: RunConfig): [object] =>
  what === 'reprocess'
    ? [{ dataset, config: { dataset, evaluate, ...rest } }]
    : [
        {
          dataset,
          release: null,
          truth: evaluate.truth,
          offset: evaluate.offset,
          ignore: evaluate.ignore,
          boxes: evaluate.sentinels,
        },
      ]

/** @throws HillockError ConfigError where nothing is there to evaluate with */
export function checkTruth({ evaluate }: RunConfig, { what, file }: Pick<Given, 'what' | 'file'>): void {
  if (what === 'evaluate' && evaluate.truth === undefined)
    throw configError(`${file}: evaluate.truth: a schedule that evaluates needs it`)
}

/** What a schedule starts. @throws HillockError ConfigError where it waits for what cannot come */
export async function actionOf(named: RunConfig, name: string, given: Given): Promise<ScheduleOptions['action']> {
  const { what, when, file } = given
  const config = await withoutPaths(named)
  if (when.startsWith('on arrival') && JSON.stringify(config.source) !== JSON.stringify(named.source))
    throw configError(
      `${file}: source: workers on other machines see what it is now, so nothing would ever arrive: name it by gs://, http(s):// or file://`,
    )
  return {
    type: 'startWorkflow',
    workflowType: what === 'reprocess' ? 'reprocess' : 'evaluation',
    workflowId: `${what}/${config.dataset}/${name}`,
    taskQueue: queues.workflow,
    args: argsOf(what, config),
    memo: { given },
    typedSearchAttributes: attributesOf({ dataset: config.dataset }),
  }
}

export const givenOf = (s: ScheduleDescription): Given => s.action.memo!['given'] as Given

/** How the run file differs from what the schedule keeps; undefined where it does not. */
export async function changed(s: ScheduleDescription): Promise<string | undefined> {
  const { file, set, what } = givenOf(s)
  try {
    const [now] = argsOf(what, await withoutPaths(await readRunFileAt(file, set)))
    return canonicalJson(now as Json) === canonicalJson(s.action.args![0] as Json) ? undefined : 'it differs now'
  } catch (e) {
    return `it differs now: ${(e as Error).message}`
  }
}

/** What came of a workflow that a schedule started. */
export async function outcomeOf(client: Client, workflowId: string): Promise<string> {
  const handle = client.workflow.getHandle(workflowId)
  try {
    const { status } = await handle.describe()
    if (status.name !== 'COMPLETED') return status.name.toLowerCase()
    const r = (await handle.result()) as Reprocessed | Evaluated
    if (!('plan' in r)) return `evaluated ${r.release}`
    if (r.release === null) return `nothing to make: ${r.why}`
    return r.published ? `published ${r.release}` : `made ${r.release}, which was not published`
  } catch (e) {
    return causeOf(e).message
  }
}
