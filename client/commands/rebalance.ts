// `hillock rebalance RELEASE --layer LAYER`: the same voxels in other chunks and shards, as a patch release; or what reads of it suggest.
import { parseRunConfig } from '../../domain/config.ts'
import { HillockError } from '../../domain/errors.ts'
import { planRows } from '../../domain/plan/plan.ts'
import { isZarr, type Reads } from '../../domain/releases/read-cost.ts'
import type { Release } from '../../domain/release.ts'
import { layers, type VolumeName } from '../../domain/stages.ts'
import { bucket, findRelease, runFileOf } from '../catalogue.ts'
import { onStack } from '../call.ts'
import { layoutAdvice } from '../layout-advice.ts'
import { vectorOf } from '../numbers.ts'
import { table, type Columns } from '../report.ts'
import { makePlan } from './plan.ts'
import { execute, printReport } from './run.ts'

interface Options {
  readonly json?: boolean
  readonly layer: string
  readonly chunk?: string
  readonly shard?: string
  readonly encoding?: string
  readonly name?: string
}

const volumes = layers.filter(l => 'regions' in l)
const PYRAMIDS: readonly string[] = volumes.map(l => l.stage)

export async function rebalance(name: string, o: Options): Promise<void> {
  const objects = bucket()
  const release = await findRelease(objects, name)
  const stage = volumes.find(l => l.layer === o.layer)?.stage
  if (!stage) throw new HillockError('ConfigError', `--layer ${o.layer}: ${volumes.map(l => l.layer).join(' or ')}`)
  const config = await runFileOf(objects, release)
  if (!config)
    throw new HillockError('ConfigError', `release ${release.release} does not say with which run file it was made`)
  const given = {
    ...(o.chunk !== undefined && { chunk: vectorOf('--chunk', o.chunk) }),
    ...(o.shard !== undefined && { shard: vectorOf('--shard', o.shard) }),
    ...(o.encoding !== undefined && { encoding: o.encoding }),
  }
  const { client, stack } = await onStack()
  if (Object.keys(given).length === 0) return advise(stack.serving, release, o)
  const stages = { ...config.stages, [stage]: { ...config.stages[stage], ...given } }
  const other = parseRunConfig({ ...config, stages }, `the run file of ${release.release}`)
  const rows = planRows(await makePlan(client, other)).filter(r => r.make + r.may > 0)
  const more = rows.filter(r => !PYRAMIDS.includes(r.stage))
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
