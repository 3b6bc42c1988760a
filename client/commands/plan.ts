// `hillock plan FILE`: what a run would make and why, and `run --plan ID`: exactly that.
import type { Client } from '@temporalio/client'
import Table from 'cli-table3'
import type { RunConfig } from '../../domain/config.ts'
import { queues, workflowIds } from '../../domain/contract.ts'
import { HillockError } from '../../domain/errors.ts'
import { picture, Plan, planRows, type PlanItem } from '../../domain/plan.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { getRaw } from '../../storage/raw.ts'
import { getSealed } from '../../storage/sealed.ts'
import type { plan as planWorkflow } from '../../workflows/plan.ts'
import { bucket, datasets } from '../catalogue.ts'
import { connect } from '../connection.ts'
import { causeOf } from '../execute.ts'
import { onceName } from '../names.ts'
import { clock } from '../report.ts'
import { readRunFile } from '../run-file.ts'
import { ensureStack } from '../stack.ts'

/** Reasons shown per stage; the JSON has all. */
const SHOWN = 6

export async function plan(file: string, o: { json?: boolean; set: readonly string[]; name?: string }): Promise<void> {
  const config = readRunFile(file, o.set)
  const { stack } = await ensureStack()
  const p = await makePlan(await connect(stack.temporal), config)
  printPlan(p, o)
  process.exit(0)
}

export function printPlan(p: Plan, o: { json?: boolean }): void {
  if (o.json) console.log(JSON.stringify({ ...p, rows: planRows(p) }))
  else print(p)
}

export async function makePlan(client: Client, config: RunConfig): Promise<Plan> {
  const name = onceName(new Date())
  const { id } = await client.workflow
    .execute<typeof planWorkflow>('plan', {
      workflowId: workflowIds.plan(config.dataset, name),
      taskQueue: queues.workflow,
      args: [{ dataset: config.dataset, run: name, config }],
      searchAttributes: { HillockDataset: [config.dataset] },
    })
    .catch((e: unknown) => {
      throw causeOf(e)
    })
  return (await readPlan(bucket(), config.dataset, id))!
}

async function readPlan(objects: ObjectStore, dataset: string, id: string): Promise<Plan | undefined> {
  const plan = await getSealed(objects, `plans/${dataset}/${id}.json`)
  return plan && Plan.parse(plan)
}

/**
 * The run file of a plan that still holds.
 * @throws HillockError ConfigError when there is no such plan, PlanChanged when something has changed since: it says what.
 */
export async function plannedConfig(client: Client, id: string): Promise<RunConfig> {
  const objects = bucket()
  const names = new Set(await datasets(objects))
  for await (const k of objects.list('plans/')) names.add(k.split('/')[1]!)
  const found = (await Promise.all([...names].map(d => readPlan(objects, d, id)))).find(p => p !== undefined)
  if (!found)
    throw new HillockError('ConfigError', `--plan ${id}: there is no such plan; \`hillock plan FILE\` makes one`)
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

function print(p: Plan): void {
  const rows = planRows(p).filter(r => r.make + r.may > 0)
  const against = p.base ? `against release ${p.base}` : 'nothing is published yet'
  if (rows.length === 0) return console.log(`plan ${p.id} of ${p.dataset}: nothing is to be made (${against})`)
  const table = new Table({
    head: ['stage', 'exists', 'make', 'may follow', 'voxels', 'seconds', `cost ${p.currency}`],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', ...Array.from({ length: 6 }, () => 'right' as const)],
  })
  for (const r of planRows(p))
    table.push([
      r.stage,
      r.exists,
      r.make,
      r.may,
      r.make + r.may ? r.voxels.toLocaleString('en') : '',
      r.make + r.may ? (r.unmeasured ? 'not measured' : r.seconds.toFixed(1)) : '',
      r.make + r.may ? (r.unmeasured ? '' : r.cost.toFixed(5)) : '',
    ])
  console.log(`plan ${p.id} of ${p.dataset}, ${against}\n\n${table.toString()}\n`)
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
  const total = rows.reduce((s, r) => ({ seconds: s.seconds + r.seconds, cost: s.cost + r.cost }), {
    seconds: 0,
    cost: 0,
  })
  console.log(`\nregions (█ made, ▒ may follow, · untouched):\n${picture(p)}\n`)
  console.log(
    `at most ${clock(total.seconds)} of computing, ${total.cost.toFixed(4)} ${p.currency}; artifacts that "may follow" are left alone where what they read comes out as before`,
  )
  console.log(`run it: ./hillock run --plan ${p.id}`)
}
