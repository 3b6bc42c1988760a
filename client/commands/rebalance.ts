// `hillock rebalance RELEASE --layer em|segmentation`: the same voxels in other chunks and shards, as a patch release; or what reads of it suggest.
import Table from 'cli-table3'
import { parseRunConfig } from '../../domain/config.ts'
import { HillockError } from '../../domain/errors.ts'
import { map3 } from '../../domain/geometry.ts'
import { planRows } from '../../domain/plan/plan.ts'
import { bestScale, type Reads } from '../../domain/releases/read-cost.ts'
import type { Release, VolumeLayer } from '../../domain/release.ts'
import { bucket, findRelease, runFileOf } from '../catalogue.ts'
import { connect } from '../connection.ts'
import { vectorOf } from '../numbers.ts'
import { ensureStack } from '../stack.ts'
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

const STAGES = { em: 'pyramid', segmentation: 'label-pyramid' } as const
const PYRAMIDS: readonly string[] = Object.values(STAGES)

export async function rebalance(name: string, o: Options): Promise<void> {
  const objects = bucket()
  const release = await findRelease(objects, name)
  const stage = STAGES[o.layer as keyof typeof STAGES] as (typeof STAGES)[keyof typeof STAGES] | undefined
  if (!stage) throw new HillockError('ConfigError', `--layer ${o.layer}: em or segmentation`)
  const config = await runFileOf(objects, release)
  if (!config)
    throw new HillockError('ConfigError', `release ${release.release} does not say with which run file it was made`)
  const given = {
    ...(o.chunk !== undefined && { chunk: vectorOf('--chunk', o.chunk) }),
    ...(o.shard !== undefined && { shard: vectorOf('--shard', o.shard) }),
    ...(o.encoding !== undefined && { encoding: o.encoding }),
  }
  const { stack } = await ensureStack()
  if (Object.keys(given).length === 0) return advise(stack.serving, release, o)
  const stages = { ...config.stages, [stage]: { ...config.stages[stage], ...given } }
  const other = parseRunConfig({ ...config, stages }, `the run file of ${release.release}`)
  const rows = planRows(await makePlan(await connect(stack.temporal), other)).filter(r => r.make + r.may > 0)
  const more = rows.filter(r => !PYRAMIDS.includes(r.stage))
  if (more.length > 0)
    throw new HillockError(
      'PlanChanged',
      `more than the layout would be made again (${more.map(r => r.stage).join(', ')}): run the run file first`,
    )
  const report = await execute(stack, other, o, { parent: release.release })
  if (o.json) console.log(JSON.stringify(report))
  else printReport(report, other)
  process.exit(report.refusal === null ? 0 : 1)
}

/** What was read of the layer since the server was started, and the chunks in which it would have cost least. */
async function advise(serving: string, { dataset, release, layers }: Release, o: Options): Promise<void> {
  const { chunk } = layers[o.layer as keyof typeof STAGES] as VolumeLayer
  const names = { em: ['em', 'zarr'], segmentation: ['segmentation', 'zarr/labels/segmentation'] }[o.layer]!
  const all = (await (await fetch(`${serving}/reads/${dataset}/${release}`)).json()) as Reads[]
  const reads = all.filter(r => names.includes(r.layer))
  const scale = bestScale(reads)
  const better = map3(a => chunk[a] * 2 ** scale)
  if (o.json) return console.log(JSON.stringify({ chunk, reads, better }))
  if (reads.length === 0)
    return console.log('nothing has been read of it since the server was started; give --chunk, --shard or --encoding')
  const table = new Table({
    head: ['layout', 'mip', 'views', 'requests a view', 'kB a request'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'right'],
  })
  for (const { layer, mip, views, requests, bytes } of reads)
    table.push([
      layer.startsWith('zarr') ? 'analysis' : 'proofreading',
      mip,
      views,
      (requests / views).toFixed(1),
      (bytes / requests / 1000).toFixed(1),
    ])
  console.log(table.toString())
  console.log(
    scale === 0
      ? `chunks of ${chunk.join(',')} suit these reads`
      : `these reads would cost less in chunks of ${better.join(',')} than of ${chunk.join(',')}: --chunk ${better.join(',')}`,
  )
}
