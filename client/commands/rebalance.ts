// `hillock rebalance RELEASE --layer LAYER`: the same voxels or tables in other chunks, shards or partitions, as a patch release; or what suits.
import { parseRunConfig } from '../../domain/config.ts'
import { configError, HillockError } from '../../domain/errors.ts'
import { planRows } from '../../domain/plan/plan.ts'
import { isZarr, type Reads } from '../../domain/releases/read-cost.ts'
import type { Release } from '../../domain/release.ts'
import { layers, type StageName, type VolumeName } from '../../domain/stages.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { bucket, findRelease, runFileOf } from '../catalogue.ts'
import { onStack } from '../call.ts'
import { layoutAdvice, tablesAdvice } from '../layout-advice.ts'
import { vectorOf } from '../numbers.ts'
import { table, type Columns, type JsonOption } from '../report.ts'
import { makePlan } from './plan.ts'
import { execute, printReport } from './run.ts'

interface Options extends JsonOption {
  readonly layer: string
  readonly chunk?: string
  readonly shard?: string
  readonly encoding?: string
  readonly partitions?: string
  readonly name?: string
}

/** Layers with a layout of their own: volumes and tables. */
const laidOut = layers.filter(l => 'regions' in l || l.kind === 'tables')
/** Stages that may be made again with them. */
const AGAIN: readonly string[] = [...laidOut.map(l => l.stage), 'evaluate' satisfies StageName]

export async function rebalance(name: string, o: Options): Promise<void> {
  const objects = bucket()
  const release = await findRelease(objects, name)
  const stage = laidOut.find(l => l.layer === o.layer)?.stage
  if (!stage) throw configError(`--layer ${o.layer}: ${laidOut.map(l => l.layer).join(' or ')}`)
  const config = await runFileOf(objects, release)
  if (!config) throw configError(`release ${release.release} does not say with which run file it was made`)
  const given = {
    ...(o.chunk !== undefined && { chunk: vectorOf('--chunk', o.chunk) }),
    ...(o.shard !== undefined && { shard: vectorOf('--shard', o.shard) }),
    ...(o.encoding !== undefined && { encoding: o.encoding }),
    ...(o.partitions !== undefined && { partitions: Number(o.partitions) }),
  }
  const { client, stack } = await onStack()
  if (Object.keys(given).length === 0)
    return stage === 'graph' ? adviseTables(release, o) : advise(stack.serving, release, o)
  const stages = { ...config.stages, [stage]: { ...config.stages[stage], ...given } }
  const other = parseRunConfig({ ...config, stages }, `the run file of ${release.release}`)
  const rows = planRows(await makePlan(client, other)).filter(r => r.make + r.may > 0)
  const more = rows.filter(r => !AGAIN.includes(r.stage))
  if (more.length > 0)
    throw new HillockError(
      'PlanChanged',
      `more than the layout would be made again (${more.map(r => r.stage).join(', ')}): run the run file first`,
    )
  const report = await execute(stack, other, o, { parent: release.release })
  if (o.json) console.log(JSON.stringify(report))
  else printReport(report, other)
  if (report.refusal !== null) process.exitCode = 1
}

/** Into how many objects the tables are shared out, and how many would suit their size. */
async function adviseTables(release: Release, o: Options): Promise<void> {
  const advice = await tablesAdvice(artifactStore(bucket()), release)
  if (o.json) return console.log(JSON.stringify(advice))
  const { partitions, largest, better } = advice
  const now = `tables lie in ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}, the largest of ${(largest / 2 ** 20).toPrecision(3)} MiB`
  console.log(partitions === better ? `${now}: that suits` : `${now}: --partitions ${better} would suit their size`)
}

/** What was read of the layer since the server was started, and the chunks in which it would have cost least. */
async function advise(serving: string, release: Release, o: Options): Promise<void> {
  const all = (await (await fetch(`${serving}/reads/${release.dataset}/${release.release}`)).json()) as Reads[]
  const { chunk, reads, better } = layoutAdvice(release, o.layer as VolumeName, all)
  if (o.json) return console.log(JSON.stringify({ chunk, reads, better }))
  if (reads.length === 0)
    return console.log('nothing has been read of it since the server was started; give --chunk, --shard or --encoding')
  const columns: Columns<Reads> = {
    layout: r => (isZarr(r.layer) ? 'analysis' : 'proofreading'),
    mip: r => r.mip,
    views: r => r.views,
    'requests a view': r => (r.requests / r.views).toFixed(1),
    'kB a request': r => (r.bytes / r.requests / 1000).toFixed(1),
  }
  console.log(table(columns, reads))
  console.log(
    chunk[0] === better[0]
      ? `chunks of ${chunk.join(',')} suit these reads`
      : `these reads would cost less in chunks of ${better.join(',')} than of ${chunk.join(',')}: --chunk ${better.join(',')}`,
  )
}
