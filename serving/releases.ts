// Reads datasets, channels, releases and their lineage records from the bucket; what is immutable is kept in memory.
import { z } from 'zod'
import type { ArtifactRef, Lineage } from '../domain/lineage.ts'
import { CHANNELS, Release, type Channel } from '../domain/release.ts'
import { artifactStore, type ArtifactStore } from '../storage/artifacts.ts'
import { mapBounded } from '../storage/bounded.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { DatasetListing } from './index-page.ts'
import { memo } from './memo.ts'
import { notFound, Problem } from './problem.ts'

const RELEASES_KEPT = 32
const LINEAGES_KEPT = 4
/** Requests to the bucket at once while the lineage of a whole release is read. */
const READS = 32

export const isChannel = (name: string): name is Channel => (CHANNELS as readonly string[]).includes(name)

const ChannelObject = z.object({ release: z.string() })

export interface ReleaseRecords {
  readonly records: ReadonlyMap<string, Lineage>
  readonly missing: readonly ArtifactRef[]
}

export interface Releases {
  readonly artifacts: ArtifactStore
  datasets(): Promise<DatasetListing[]>
  /** @throws Problem 404 when there is none of that name. */
  open(dataset: string, release: string): Promise<Release>
  /** Release that a channel names now. @throws Problem 404 when it names none. */
  resolve(dataset: string, channel: Channel): Promise<string>
  /** Every lineage record behind a release, by recipe. */
  records(release: Release): Promise<ReleaseRecords>
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/
const SEE_LIST = 'see the list at / (or /?json)'

export function releases(objects: ObjectStore): Releases {
  const artifacts = artifactStore(objects)

  const open = memo(RELEASES_KEPT, async (key: string): Promise<Release> => {
    const bytes = await objects.get(key)
    if (!bytes) throw notFound(`there is no ${key.replace(/\.json$/, '')} in this bucket`, SEE_LIST)
    const parsed = Release.safeParse(JSON.parse(Buffer.from(bytes).toString()))
    if (!parsed.success)
      throw new Problem(500, `the manifest ${key} is damaged: ${z.prettifyError(parsed.error)}`, 'publish or roll back to another release')
    return parsed.data
  })

  const records = memo(LINEAGES_KEPT, async (_: string, release: Release): Promise<ReleaseRecords> => {
    const refs = Object.values(release.stages).flat()
    const found = await mapBounded(refs, READS, ref => artifacts.lineage(ref.stage, ref.recipe).catch(() => undefined))
    return {
      records: new Map(found.flatMap(r => (r ? [[r.recipeId, r] as const] : []))),
      missing: refs.filter((_ref, i) => !found[i]),
    }
  })

  const channelOf = async (dataset: string, channel: Channel): Promise<string | undefined> => {
    const ref = await objects.readRef(`refs/${dataset}/${channel}`)
    return ref && ChannelObject.parse(JSON.parse(ref.value)).release
  }

  const openNamed = (dataset: string, release: string): Promise<Release> => {
    if (!NAME.test(dataset) || !NAME.test(release)) throw notFound(`${dataset}/${release} cannot be the name of a release`, SEE_LIST)
    return open(`releases/${dataset}/${release}.json`)
  }

  return {
    artifacts,
    open: async (dataset, release) => openNamed(dataset, release),
    async resolve(dataset, channel) {
      const release = NAME.test(dataset) ? await channelOf(dataset, channel) : undefined
      if (release === undefined) throw notFound(`dataset ${dataset} has no release in channel ${channel}`, SEE_LIST)
      return release
    },
    records: release => records(`${release.dataset}/${release.release}`, release),
    async datasets() {
      const names = new Map<string, string[]>()
      for await (const key of objects.list('releases/')) {
        const [, dataset, file] = key.split('/') as [string, string, string]
        if (!names.has(dataset)) names.set(dataset, [])
        names.get(dataset)!.push(file.replace(/\.json$/, ''))
      }
      return mapBounded([...names], 4, async ([dataset, list]) => {
        const channels = await Promise.all(CHANNELS.map(async channel => ({ channel, release: await channelOf(dataset, channel) })))
        const named = channels.flatMap(c => (c.release === undefined ? [] : [{ channel: c.channel, release: c.release }]))
        // What a channel names comes first, then the newest by name.
        const rank = (r: string): number => named.findLastIndex(c => c.release === r)
        const sorted = list.sort((a, b) => rank(b) - rank(a) || (a < b ? 1 : -1))
        return { dataset, channels: named, releases: await mapBounded(sorted, READS, r => openNamed(dataset, r)) }
      })
    },
  }
}
