// Reads datasets, channels, releases and their lineage records from the bucket; what is immutable is kept in memory.
import { readRelease, runFileOf } from '../client/catalogue.ts'
import type { ChannelValue } from '../domain/releases/channel.ts'
import { Worst, type FoundFault } from '../domain/releases/faults.ts'
import { isHillockError } from '../domain/errors.ts'
import type { ArtifactRef, Lineage } from '../domain/lineage.ts'
import { CHANNELS, type Channel, type Release } from '../domain/release.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { mapBounded } from '../storage/bounded.ts'
import { decisionsOn } from '../storage/provenance/decisions.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { Alignment, type AlignedSection } from '../domain/releases/alignment.ts'
import { firstOf } from '../storage/release-index.ts'
import { recordsBehind, type ReleaseRecords } from '../storage/release-records.ts'
import { readChannel, releasesIn } from '../storage/releases.ts'
import type { DatasetListing } from './pages/index-page.ts'
import { asProblem, notFound } from './problem.ts'
import type { ReleaseFacts } from './pages/release-page.ts'
import { cached, turns } from './turns.ts'

const RELEASES_KEPT = 32
const LINEAGES_KEPT = 4
/** Manifests that are read at once. */
const READS = 32

export const isChannel = (name: string): name is Channel => (CHANNELS as readonly string[]).includes(name)

export type Releases = ReturnType<typeof releases>

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/
const SEE_LIST = 'see the list at / (or /?json)'

export function releases(objects: ObjectStore) {
  // What a release names can be read for ever, whatever was found out about it since.
  const artifacts = artifactStore(objects, { quarantined: true })

  // A page may rest on every object of a release: few at once, whoever asks.
  const turn = turns(2, 64)

  const open = cached(RELEASES_KEPT, async (name: string): Promise<Release> => {
    const [dataset, release] = name.split('/') as [string, string]
    const found = await readRelease(objects, dataset, release)
    if (!found) throw notFound(`there is no release ${release} of dataset ${dataset}`, SEE_LIST)
    return found
  })

  const read = (ref: ArtifactRef): Promise<Lineage | undefined> =>
    artifacts.lineage(ref.stage, ref.recipe).catch(() => undefined)
  const records = cached(LINEAGES_KEPT, (_: string, release: Release, focus: readonly ArtifactRef[]) =>
    turn(() => recordsBehind(objects, release, read, focus)),
  )

  const channelOf = async (dataset: string, channel: Channel): Promise<ChannelValue | undefined> =>
    (await readChannel(objects, dataset, channel))?.value

  /** A channel that is damaged hides nothing of a list: who asks for it by name is told. */
  const unread = (e: unknown): undefined => {
    if (!isHillockError(e, 'MissingArtifact')) throw e
    return undefined
  }
  const channelsNow = (dataset: string) =>
    Promise.all(CHANNELS.map(async channel => ({ channel, value: await channelOf(dataset, channel).catch(unread) })))

  async function worstOf(release: Release): Promise<readonly FoundFault[]> {
    const ref = await firstOf(objects, release, 'evaluate')
    if (!ref) return []
    return Worst.parse(JSON.parse(Buffer.from(await artifacts.get(ref, 'scores.json')).toString())).worst
  }

  async function alignmentOf(release: Release): Promise<readonly AlignedSection[]> {
    const ref = await firstOf(objects, release, 'align')
    if (!ref) return []
    return Alignment.parse(JSON.parse(Buffer.from(await artifacts.get(ref, 'alignment.json')).toString())).sections
  }

  /** A release that is damaged does not hide the others. */
  let listed: Promise<DatasetListing[]> | undefined
  const list = async (): Promise<DatasetListing[]> => {
    const all = await Array.fromAsync(releasesIn(objects))
    const byDataset = Map.groupBy(all, r => r.dataset)
    return mapBounded([...byDataset], 4, async ([dataset, found]) => {
      const channels = await channelsNow(dataset)
      const named = channels.flatMap(c => (c.value ? [{ channel: c.channel, release: c.value.release }] : []))
      // What was published last comes first; then candidates; then what no channel has ever named.
      const order = channels.toReversed().flatMap(c => (c.value ? [c.value.release, ...c.value.earlier] : []))
      const rank = (r: string): number => (order.includes(r) ? order.indexOf(r) : order.length)
      const sorted = found.map(r => r.release).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
      const opened = await mapBounded(sorted, READS, r =>
        openNamed(dataset, r).catch((e: unknown) => {
          if (asProblem(e).status === 503) throw e
          return r
        }),
      )
      return {
        dataset,
        channels: named,
        releases: opened.filter(r => typeof r !== 'string'),
        damaged: opened.filter(r => typeof r === 'string'),
      }
    })
  }

  // Who asks while it is being listed gets the same.
  const datasets = (): Promise<DatasetListing[]> => (listed ??= turn(list).finally(() => (listed = undefined)))

  /** @throws Problem 404 when there is none of that name. */
  const openNamed = async (dataset: string, release: string): Promise<Release> => {
    if (!NAME.test(dataset) || !NAME.test(release))
      throw notFound(`${dataset}/${release} cannot be the name of a release`, SEE_LIST)
    return open(`${dataset}/${release}`)
  }

  return {
    artifacts,
    open: openNamed,
    /** Release that a channel names now. @throws Problem 404 when it names none. */
    async resolve(dataset: string, channel: Channel): Promise<string> {
      const release = NAME.test(dataset) ? (await channelOf(dataset, channel))?.release : undefined
      if (release === undefined) throw notFound(`dataset ${dataset} has no release in channel ${channel}`, SEE_LIST)
      return release
    },
    /** Lineage records behind a release. @param focus an artifact that is looked at */
    records(release: Release, focus?: ArtifactRef): Promise<ReleaseRecords> {
      // Where all are listed they are the same, whatever is looked at.
      const at = release.stages || !focus ? '' : `/${focus.recipe}`
      return records(`${release.dataset}/${release.release}${at}`, release, focus ? [focus] : [])
    },
    async facts(release: Release): Promise<ReleaseFacts> {
      const channels = await channelsNow(release.dataset)
      return {
        channels: channels.filter(c => c.value?.release === release.release).map(c => c.channel),
        decisions: await decisionsOn(objects, release.dataset, release.release),
        currency: (await runFileOf(objects, release))?.price.currency ?? '',
        worst: await worstOf(release).catch(unread),
        alignment: await alignmentOf(release).catch(unread),
      }
    },
    datasets,
    /** Those that a request may read. */
    datasetsFor: async (request: { may(role: 'viewer', dataset: string): boolean }): Promise<DatasetListing[]> =>
      (await datasets()).filter(d => request.may('viewer', d.dataset)),
  }
}
