// `hillock plan FILE`: what a run would make and why, and `run --plan ID`: exactly that.
import type { Client } from '@temporalio/client'
import type { RunConfig } from '../../domain/config.ts'
import { workflowIds } from '../../domain/contract/names.ts'
import { configError, HillockError } from '../../domain/errors.ts'
import { amount, costText, duration } from '../../domain/slo/cost.ts'
import { picture, Plan, planRows, type PlanItem, type PlanRow } from '../../domain/plan/plan.ts'
import { gateText } from '../../domain/releases/release-gate.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { getRaw } from '../../storage/raw.ts'
import { getDocument } from '../../storage/documents.ts'
import type { plan as planWorkflow } from '../../workflows/housekeeping/plan.ts'
import { bucket, datasets } from '../catalogue.ts'
import { call, onStack } from '../call.ts'
import { withoutPaths } from '../inputs.ts'
import { onceName } from '../names.ts'
import { table, type Columns } from '../report.ts'
import { forecast, type Forecast } from '../forecast.ts'
import { readRunFileAt } from '../run-file.ts'

/** Reasons shown per stage; the JSON has all. */
const SHOWN = 6

export async function plan(file: string, o: { json?: boolean; set: readonly string[]; name?: string }): Promise<void> {
  const config = await readRunFileAt(file, o.set)
  const { client, started } = await onStack()
  const p = await makePlan(client, config)
  await printPlan(p, config, o)
  if (!o.json)
    console.log(`its release is published to ${config.release.channel} within ${gateText(config.release.gate)}`)
  if (started && !o.json) console.log('The stack was started for this and stays up; `./hillock down` stops it.')
}

export async function printPlan(p: Plan, config: RunConfig, o: { json?: boolean }): Promise<void> {
  const ahead = await forecast(bucket(), p, config)
  if (o.json) console.log(JSON.stringify({ ...p, rows: planRows(p), forecast: ahead ?? null }))
  else print(p, config, ahead)
}

export async function makePlan(client: Client, given: RunConfig): Promise<Plan> {
  const config = await withoutPaths(given)
  const { dataset } = config
  const run = onceName(new Date())
  const input = { dataset, run, config }
  const { id } = await call<typeof planWorkflow>(client, 'plan', workflowIds.plan(dataset, run), [input], { dataset })
  return (await readPlan(bucket(), dataset, id))!
}

const readPlan = (objects: ObjectStore, dataset: string, id: string): Promise<Plan | undefined> =>
  getDocument(objects, `plans/${dataset}/${id}.json`, 'plan', Plan)

/**
 * The run file of a plan that still holds.
 * @throws HillockError ConfigError when there is no such plan, PlanChanged when something has changed since: it says what.
 */
export async function plannedConfig(client: Client, id: string): Promise<RunConfig> {
  const objects = bucket()
  const names = new Set(await datasets(objects))
  for await (const k of objects.list('plans/')) names.add(k.split('/')[1]!)
  const found = (await Promise.all([...names].map(d => readPlan(objects, d, id)))).find(p => p !== undefined)
  if (!found) throw configError(`--plan ${id}: there is no such plan; \`hillock plan FILE\` makes one`)
  const config = JSON.parse(Buffer.from(await getRaw(objects, found.config)).toString()) as RunConfig
  const now = await makePlan(client, config)
  if (now.id !== found.id)
    throw new HillockError(
      'PlanChanged',
      `plan ${id} no longer holds: ${changes(found, now).join('; ')}; the plan is now ${now.id}`,
    )
  return config
}

function changes(before: Plan, now: Plan): string[] {
  const named = (p: Plan): Map<string, PlanItem> => new Map(p.items.map(i => [`${i.stage} ${i.cell}`, i]))
  const [a, b] = [named(before), named(now)]
  const list = (names: string[], what: string): string[] =>
    names.length
      ? [`${what}: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`]
      : []
  const out = [
    ...(before.base === now.base
      ? []
      : [`the published release was ${before.base ?? 'none'} and is ${now.base ?? 'none'}`]),
    ...list(
      [...b.keys()].filter(k => !a.has(k)),
      'now also to be made',
    ),
    ...list(
      [...a.keys()].filter(k => !b.has(k)),
      'no longer to be made',
    ),
  ]
  return out.length ? out : ['the reasons or measurements are others']
}

function print(p: Plan, { voxelSizeNm, model }: RunConfig, ahead: Forecast | undefined): void {
  for (const note of p.notes ?? []) console.log(note)
  if (model !== undefined && 'affinity' in p.expected) console.log(`affinities by the model ${model}`)
  const rows = planRows(p).filter(r => r.make + r.may > 0)
  const against = p.base ? `against release ${p.base}` : 'nothing is published yet'
  if (rows.length === 0) return console.log(`plan ${p.id} of ${p.dataset}: nothing is to be made (${against})`)
  const columns: Columns<PlanRow> = {
    stage: r => r.stage,
    exists: r => r.exists,
    make: r => r.make,
    'may follow': r => r.may,
    voxels: r => (r.make + r.may && r.unmeasured === 0 ? r.voxels.toLocaleString('en') : ''),
    seconds: r => (r.make + r.may === 0 ? '' : r.unmeasured ? 'not known yet' : r.seconds.toFixed(1)),
    [`cost ${p.currency}`]: r => (r.make + r.may === 0 || r.unmeasured ? '' : amount(r.cost)),
  }
  console.log(`plan ${p.id} of ${p.dataset}, ${against}\n\n${table(columns, planRows(p))}\n`)
  for (const r of rows) {
    const own = p.items.filter(i => i.stage === r.stage)
    const grouped = new Map<string, string[]>()
    for (const i of own) {
      const why = i.why.join('; ')
      grouped.set(why, [...(grouped.get(why) ?? []), i.cell])
    }
    for (const [why, cells] of [...grouped].slice(0, SHOWN))
      console.log(
        `  ${r.stage} ${cells.slice(0, 4).join(', ')}${cells.length > 4 ? ` and ${cells.length - 4} more` : ''}: ${why}`,
      )
    if (grouped.size > SHOWN) console.log(`  ${r.stage}: ${grouped.size - SHOWN} more reasons (--json)`)
  }
  console.log(`\nregions (█ made, ▒ may follow, · untouched):\n${picture(p)}\n`)
  const sum = (f: 'seconds' | 'cost'): number => rows.reduce((n, r) => n + r[f], 0)
  const told = (seconds: number, cost: number): string =>
    `${duration(seconds)} of computing, ${costText(cost, p.currency, p.bounds, voxelSizeNm)}`
  if (!ahead) console.log(`at most ${told(sum('seconds'), sum('cost'))}`)
  else {
    console.log('time and cost are not known yet: nothing of the kind has been made of this dataset')
    if (ahead.seconds > 0) console.log(`at the rates of ${ahead.from}, about ${told(ahead.seconds, ahead.cost)}`)
    if (ahead.unknown.length > 0) console.log(`without ${ahead.unknown.join(', ')}, of which no rate is known`)
  }
  if (rows.some(r => r.may > 0)) console.log('what "may follow" is left alone where what it reads comes out as before')
  console.log(`run it: ./hillock run --plan ${p.id}`)
}
