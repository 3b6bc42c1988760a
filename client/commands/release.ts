// `hillock release list|show|publish|rollback`.
import { queues, workflowIds, type ChannelValue, type Evaluated } from '../../domain/contract.ts'
import { HillockError } from '../../domain/errors.ts'
import { CHANNELS, type Channel } from '../../domain/release.ts'
import { listReleases } from '../../storage/releases.ts'
import type { publish as publishWorkflow } from '../../workflows/publish.ts'
import type { rollback as rollbackWorkflow } from '../../workflows/rollback.ts'
import { bucket, channelsOf, datasets, findRelease, readRelease } from '../catalogue.ts'
import { connect } from '../connection.ts'
import { causeOf } from '../execute.ts'
import { ensureStack } from '../stack.ts'
import { operator } from './control.ts'

interface Options {
  readonly json?: boolean
}
interface MoveOptions extends Options {
  readonly channel: string
  readonly reason: string
  readonly to?: string
}

export async function list(dataset: string | undefined, o: Options): Promise<void> {
  const objects = bucket()
  const rows = []
  for (const d of dataset ? [dataset] : await datasets(objects)) {
    const channels = await channelsOf(objects, d)
    for (const name of await listReleases(objects, d)) {
      const r = (await readRelease(objects, d, name))!
      rows.push({
        dataset: d,
        release: name,
        channels: Object.keys(channels).filter(c => channels[c]!.release === name),
        quality: r.quality,
        holes: r.holes.length,
        cost: r.cost,
      })
    }
  }
  if (o.json) console.log(JSON.stringify({ releases: rows }))
  else if (rows.length === 0) console.log('no release yet')
  for (const r of o.json ? [] : rows)
    console.log(
      `${r.dataset}/${r.release}  ${r.channels.join(', ') || '-'}  VOI ${r.quality.voiSum?.toFixed(3) ?? '-'}  holes ${r.holes}  cost ${r.cost.toFixed(4)}`,
    )
}

export async function show(name: string, o: Options): Promise<void> {
  const r = await findRelease(bucket(), name)
  if (o.json) return console.log(JSON.stringify(r))
  console.log(`${r.dataset}/${r.release}  digest ${r.digest}`)
  console.log(
    `voxels ${r.bounds.max.join(' x ')} of ${r.voxelSizeNm.join(' x ')} nm, regions of ${r.regionShape.join(' x ')}`,
  )
  for (const [layer, digest] of Object.entries(r.layerDigests)) console.log(`  ${layer.padEnd(13)} ${digest}`)
  for (const [k, v] of Object.entries(r.quality)) console.log(`  ${k.padEnd(16)} ${v}`)
  for await (const k of bucket().list(`evaluations/${r.dataset}/${r.release}/`)) {
    const e = JSON.parse(Buffer.from((await bucket().get(k))!).toString()) as Evaluated
    console.log(
      `  evaluated ${k.split('/').at(-1)!.slice(0, -'.json'.length)}: VOI ${e.quality.voiSum?.toFixed(3)}, ARAND ${e.quality.arand?.toFixed(3)} in ${e.boxes.length} boxes`,
    )
  }
  for (const h of r.holes) console.log(`  hole: ${h.stage} ${h.what}: ${h.reason}`)
  console.log(`cost ${r.cost.toFixed(4)}, approved by ${r.approver}, run ${r.run.workflowId}, code ${r.codeRevision}`)
}

function channel(name: string): Channel {
  const found = CHANNELS.find(c => c === name)
  if (!found) throw new HillockError('ConfigError', `--channel ${name}: one of ${CHANNELS.join(', ')}`)
  return found
}
const say = (o: Options, dataset: string, c: string, v: ChannelValue): never => {
  if (o.json) console.log(JSON.stringify({ dataset, channel: c, ...v }))
  else console.log(`${dataset}/${c} is ${v.release}${v.earlier[0] ? ` (before it: ${v.earlier[0]})` : ''}`)
  process.exit(0)
}

export async function publish(name: string, o: MoveOptions): Promise<void> {
  const r = await findRelease(bucket(), name)
  const { stack } = await ensureStack()
  const move = { dataset: r.dataset, channel: channel(o.channel), release: r.release, by: operator(), reason: o.reason }
  const client = await connect(stack.temporal)
  const value = await client.workflow
    .execute<typeof publishWorkflow>('publish', {
      workflowId: workflowIds.publish(r.dataset, move.channel, r.release),
      taskQueue: queues.workflow,
      args: [move],
      searchAttributes: { HillockDataset: [r.dataset], HillockRelease: [r.release] },
    })
    .catch((e: unknown) => {
      throw causeOf(e)
    })
  say(o, r.dataset, o.channel, value)
}

export async function rollback(dataset: string, o: MoveOptions): Promise<void> {
  const c = channel(o.channel)
  const now = (await channelsOf(bucket(), dataset))[c]
  if (!now)
    throw new HillockError('ConfigError', `channel ${c} of ${dataset} is not set, so there is nothing to roll back`)
  const { stack } = await ensureStack()
  const client = await connect(stack.temporal)
  const value = await client.workflow
    .execute<typeof rollbackWorkflow>('rollback', {
      workflowId: workflowIds.rollback(dataset, c, now.release),
      taskQueue: queues.workflow,
      args: [{ dataset, channel: c, from: now.release, to: o.to ?? null, by: operator(), reason: o.reason }],
      searchAttributes: { HillockDataset: [dataset], HillockRelease: [now.release] },
    })
    .catch((e: unknown) => {
      throw causeOf(e)
    })
  say(o, dataset, c, value)
}
