// `hillock rebalance RELEASE --layer em|segmentation`: the same voxels in other chunks and shards, as a patch release.
import { parseRunConfig, type RunConfig } from '../../domain/config.ts'
import { HillockError } from '../../domain/errors.ts'
import { planRows } from '../../domain/plan.ts'
import { getRaw } from '../../storage/raw.ts'
import { bucket, findRelease } from '../catalogue.ts'
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
  if (!release.config)
    throw new HillockError('ConfigError', `release ${release.release} does not say with which run file it was made`)
  const config = JSON.parse(Buffer.from(await getRaw(objects, release.config)).toString()) as RunConfig
  const given = {
    ...(o.chunk !== undefined && { chunk: vectorOf('--chunk', o.chunk) }),
    ...(o.shard !== undefined && { shard: vectorOf('--shard', o.shard) }),
    ...(o.encoding !== undefined && { encoding: o.encoding }),
  }
  if (Object.keys(given).length === 0)
    throw new HillockError('ConfigError', 'say what is to be other: --chunk, --shard or --encoding')
  const stages = { ...config.stages, [stage]: { ...config.stages[stage], ...given } }
  const other = parseRunConfig({ ...config, stages }, `the run file of ${release.release}`)
  const { stack } = await ensureStack()
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
