// `hillock release list|show|publish|rollback`.
import { z } from 'zod'
import type { Client } from '@temporalio/client'
import type { ChannelValue } from '../../domain/releases/channel.ts'
import { amount, costText } from '../../domain/slo/cost.ts'
import { configError } from '../../domain/errors.ts'
import { holesIn, type Release } from '../../domain/release.ts'
import { decisionsOn } from '../../storage/provenance/decisions.ts'
import { listReleases } from '../../storage/releases.ts'
import { getDocument } from '../../storage/documents.ts'
import { channelNamed, publishRelease, rollBack, rollbackInput } from '../channels.ts'
import { bucket, channelsOf, datasets, findRelease, readRelease, runFileOf } from '../catalogue.ts'
import { onStack } from '../call.ts'
import { say, type JsonOption } from '../report.ts'
import { operator } from './operate.ts'

interface MoveOptions extends JsonOption {
  readonly channel: string
  readonly reason?: string
}

/** As much of an evaluation as is shown. */
const Scores = z.object({ quality: z.record(z.string(), z.number()), boxes: z.array(z.unknown()) })
const BY_HAND = 'by hand'

interface RollbackOptions extends MoveOptions {
  readonly to?: string
  readonly from?: string
  readonly regions?: string
}

export async function list(dataset: string | undefined, o: JsonOption): Promise<void> {
  const objects = bucket()
  const rows = [] as (Pick<Release, 'dataset' | 'release' | 'quality' | 'cost'> & {
    channels: string[]
    holes: number
  })[]
  for (const d of dataset ? [dataset] : await datasets(objects)) {
    const channels = await channelsOf(objects, d)
    for (const name of await listReleases(objects, d)) {
      const r = (await readRelease(objects, d, name))!
      rows.push({
        dataset: d,
        release: name,
        channels: Object.keys(channels).filter(c => channels[c]!.release === name),
        quality: r.quality,
        holes: holesIn(r),
        cost: r.cost,
      })
    }
  }
  const line = (r: (typeof rows)[number]): string =>
    `${r.dataset}/${r.release}  ${r.channels.join(', ') || '-'}  VOI ${r.quality.voiSum?.toFixed(3) ?? '-'}  holes ${r.holes}  cost ${amount(r.cost)}`
  say(o, { releases: rows }, rows.length === 0 ? 'no release yet' : rows.map(line))
}

export async function show(name: string, o: JsonOption): Promise<void> {
  const objects = bucket()
  const r = await findRelease(objects, name)
  const decisions = await decisionsOn(objects, r.dataset, r.release)
  const channels = Object.entries(await channelsOf(objects, r.dataset)).filter(([, v]) => v.release === r.release)
  if (o.json) return console.log(JSON.stringify({ ...r, decisions, channels: Object.fromEntries(channels) }))
  console.log(`${r.dataset}/${r.release}  digest ${r.digest}`)
  console.log(
    `voxels ${r.bounds.max.join(' x ')} of ${r.voxelSizeNm.join(' x ')} nm, regions of ${r.regionShape.join(' x ')}${r.offset ? `; voxel 0, 0, 0 lies at ${r.offset.join(', ')} of the source` : ''}`,
  )
  for (const [layer, digest] of Object.entries(r.layerDigests)) console.log(`  ${layer.padEnd(13)} ${digest}`)
  for (const [k, v] of Object.entries(r.quality)) console.log(`  ${k.padEnd(16)} ${v}`)
  for await (const k of objects.list(`evaluations/${r.dataset}/${r.release}/`)) {
    const e = (await getDocument(objects, k, 'evaluation', Scores))!
    console.log(
      `  evaluated ${k.split('/').at(-1)!.slice(0, -'.json'.length)}: VOI ${e.quality['voiSum']?.toFixed(3)}, ARAND ${e.quality['arand']?.toFixed(3)} in ${e.boxes.length} boxes`,
    )
  }
  for (const h of r.holes) console.log(`  hole: ${h.stage} ${h.what}: ${h.reason}`)
  if (holesIn(r) > r.holes.length) console.log(`  and ${holesIn(r) - r.holes.length} more holes`)
  const currency = (await runFileOf(objects, r))?.price.currency ?? ''
  console.log(`cost ${costText(r.cost, currency, r.bounds, r.voxelSizeNm)}`)
  console.log(`approval: ${r.approver}, run ${r.run.workflowId}, code ${r.codeRevision}`)
  if (r.parent) console.log(`patch of ${r.parent}`)
  for (const d of decisions)
    console.log(
      `  ${d.decision === 'approve' ? 'approved' : 'rejected'} by ${d.author} on ${new Date(d.at).toISOString()}: ${d.reason}`,
    )
  for (const [c, v] of channels) console.log(`  ${c} since ${v.by}: ${v.reason}`)
}

const tellChannel = (o: JsonOption, dataset: string, c: string, v: ChannelValue): void => {
  say(
    o,
    { dataset, channel: c, ...v },
    `${dataset}/${c} is ${v.release}${v.earlier[0] ? ` (before it: ${v.earlier[0]})` : ''}`,
  )
}

export async function publish(name: string, o: MoveOptions & { readonly force?: boolean }): Promise<void> {
  if (o.force && !o.reason?.trim()) throw configError('--force: say why with --reason, for the record')
  const r = await findRelease(bucket(), name)
  const { client } = await onStack()
  const order = { by: operator(), reason: o.reason ?? BY_HAND }
  const value = await publishRelease(client, r, channelNamed(o.channel), order, o.force)
  tellChannel(o, r.dataset, o.channel, value)
}

export async function rollback(dataset: string, o: RollbackOptions): Promise<void> {
  const objects = bucket()
  let connecting: Promise<Client> | undefined
  const connected = (): Promise<Client> => (connecting ??= onStack().then(s => s.client))
  const input = await rollbackInput(objects, connected, dataset, {
    channel: channelNamed(o.channel),
    to: o.to,
    from: o.from,
    regions: o.regions?.split(',').map(r => r.trim()),
    by: operator(),
    reason: o.reason ?? BY_HAND,
  })
  const tell = o.json ? (): void => {} : (line: string): void => console.error(line)
  const result = await rollBack(await connected(), input, tell)
  const value = (await channelsOf(objects, dataset))[input.channel]!
  if (result.patch && !o.json)
    console.log(`patch ${result.patch} is published; ${result.tainted} artifacts of ${input.from} are quarantined`)
  tellChannel(o, dataset, input.channel, { ...value, ...result, release: value.release })
}
