// `hillock run FILE`: from a run file to a release.
import type { RunConfig } from '../../domain/config.ts'
import type { PatchOf, Progress, RunResult } from '../../domain/contract/run.ts'
import { configError } from '../../domain/errors.ts'
import { costText } from '../../domain/slo/cost.ts'
import type { Box } from '../../domain/geometry.ts'
import type { Hole } from '../../domain/release.ts'
import type { StackRecord } from '../../worker/home.ts'
import { bucket, readRelease } from '../catalogue.ts'
import { onStack } from '../call.ts'
import { connect } from '../connection.ts'
import { announcer } from '../operator.ts'
import { follow, startRun } from '../execute.ts'
import { slugOf } from '../names.ts'
import { plannedConfig } from './plan.ts'
import { links, workflowsUi, type Links } from '../links.ts'
import { ProgressPrinter, qualityLines, stageTable, type JsonOption } from '../report.ts'
import { readRunFileAt } from '../run-file.ts'
import { sayThrough } from '../processes/troubles.ts'

export interface RunOptions extends JsonOption {
  readonly set: readonly string[]
  readonly name?: string
}

export interface RunReport extends Omit<RunResult, 'holes'>, Links {
  readonly holes: readonly Hole[]
  readonly bounds: Box
  readonly dataset: string
  readonly seconds: number
}

export async function run(file: string | undefined, o: RunOptions & { plan?: string }): Promise<void> {
  if ((file === undefined) === (o.plan === undefined))
    throw configError('say what to run: a run file, or --plan and its id')
  if (o.name !== undefined) slugOf('--name', o.name)
  const given = file === undefined ? undefined : await readRunFileAt(file, o.set)
  const { client, stack, started } = await onStack()
  const config = given ?? (await plannedConfig(client, o.plan!))
  const report = await execute(stack, config, o)
  if (o.json) {
    console.log(JSON.stringify(report))
    if (report.refusal !== null) console.error(`hillock: not published: ${report.refusal}`)
  } else {
    printReport(report, config)
    if (started) console.log('\nThe stack stays up and serves these links; `./hillock down` stops it.')
  }
  if (report.refusal !== null) process.exitCode = 1
}

/** Runs `config` on the stack, with progress on stderr. */
export async function execute(
  stack: StackRecord,
  config: RunConfig,
  o: Pick<RunOptions, 'name'>,
  patch?: PatchOf,
): Promise<RunReport> {
  const began = Date.now()
  const client = await connect(stack.temporal)
  const run = await startRun(client, config, o.name, patch)
  process.stderr.write(`run ${run.workflowId}  (${workflowsUi(stack)}/${encodeURIComponent(run.workflowId)})\n`)
  const printer = new ProgressPrinter(process.stderr)
  sayThrough(line => printer.say(line))
  const announce = announcer(
    client,
    id => id.endsWith(`/${config.dataset}/${run.name}`),
    line => printer.say(line),
  )
  const show = async (p: Progress | undefined): Promise<void> => {
    if (p) printer.show(p, Date.now())
    await announce()
  }
  const final = await follow(client, run, show, process.stderr.isTTY ? 500 : 2000)
  const { holes, bounds } = (await readRelease(bucket(), config.dataset, final.release))!
  return {
    dataset: config.dataset,
    ...final,
    holes,
    bounds,
    ...links(stack, config, final),
    seconds: Math.round((Date.now() - began) / 100) / 10,
  }
}

export function printReport(report: RunReport, config: RunConfig): void {
  console.log(`\n${stageTable(report, config.price.currency)}\n`)
  for (const line of qualityLines(report)) console.log(line)
  console.log(`\nrelease ${report.release} of ${report.dataset}, digest ${report.digest}`)
  console.log(report.refusal === null ? `published to channel ${report.channel}` : `NOT published: ${report.refusal}`)
  const cost = costText(report.cost, config.price.currency, report.bounds, config.voxelSizeNm)
  console.log(`${report.seconds} s, cost ${cost}\n`)
  console.log(`  Neuroglancer  ${report.view}`)
  console.log(`  release       ${report.page}`)
  console.log(`  Temporal UI   ${report.temporal}`)
  console.log(`  lineage       ${report.lineage}`)
}
