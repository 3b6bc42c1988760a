// Reading releases and channels straight from the bucket: works whether or not anything is running.
import type { ChannelValue } from '../domain/releases/channel.ts'
import type { RunConfig } from '../domain/config.ts'
import { configError, HillockError } from '../domain/errors.ts'
import { CHANNELS, Release } from '../domain/release.ts'
import { wrongFields } from '../storage/lineage-record.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { openStore } from '../storage/stores/open-store.ts'
import { getRaw } from '../storage/raw.ts'
import { getRelease, listReleases, readChannel, releaseKey, releasesIn } from '../storage/releases.ts'
import { knownMark } from '../worker/bucket-mark.ts'
import { home } from '../worker/home.ts'

/** Releases that a complaint names. */
const NAMED = 20

export const bucketUrl = (): string => home().bucket
export const bucket = (): ObjectStore => openStore(bucketUrl(), { mark: knownMark(home()) })

export const datasets = async (objects: ObjectStore): Promise<string[]> =>
  [...new Set(await Array.fromAsync(releasesIn(objects), r => r.dataset))].sort()

export async function channelsOf(objects: ObjectStore, dataset: string): Promise<Record<string, ChannelValue>> {
  const out: Record<string, ChannelValue> = {}
  for (const c of CHANNELS) {
    const ref = await readChannel(objects, dataset, c)
    if (ref) out[c] = ref.value
  }
  return out
}

/** @throws HillockError MissingArtifact when what lies there is damaged, or no manifest. */
export async function readRelease(objects: ObjectStore, dataset: string, name: string): Promise<Release | undefined> {
  const text = await getRelease(objects, dataset, name)
  const parsed = text === undefined ? undefined : Release.safeParse(JSON.parse(text))
  if (parsed?.success === false) {
    const key = releaseKey(dataset, name)
    throw new HillockError('MissingArtifact', `${key} is no manifest: ${wrongFields(parsed.error.issues)}`, {
      name: key,
    })
  }
  return parsed?.data
}

/**
 * Where the release lies that `name` means: a release, a channel, or either with its dataset before it (`demo/published`).
 * @param damaged hears of channels that cannot be read; without it the first of them is thrown.
 * @throws HillockError ConfigError when there is none, or several datasets have one.
 */
export async function locate(
  objects: ObjectStore,
  name: string,
  damaged = (e: unknown): void => {
    throw e
  },
): Promise<{ dataset: string; release: string }> {
  const [first, second, ...more] = name.split('/')
  const all = await datasets(objects)
  const candidates = more.length > 0 ? [] : second === undefined ? all : all.filter(d => d === first)
  const wanted = second ?? first!
  const found: { dataset: string; release: string }[] = []
  for (const dataset of candidates) {
    const isChannel = (CHANNELS as readonly string[]).includes(wanted)
    const ref = isChannel ? await readChannel(objects, dataset, wanted).catch(damaged) : undefined
    const release = ref?.value.release ?? wanted
    if ((await listReleases(objects, dataset)).includes(release)) found.push({ dataset, release })
  }
  if (found.length === 1) return found[0]!
  if (found.length > 1)
    throw configError(
      `${name} exists in several datasets (${found.map(r => r.dataset).join(', ')}): say DATASET/${name}`,
    )
  const known = (await Promise.all(all.map(async d => (await listReleases(objects, d)).map(r => `${d}/${r}`)))).flat()
  const some = known.length > NAMED ? [...known.slice(0, NAMED), `${known.length - NAMED} more`] : known
  throw configError(`no release or channel ${name}; there are: ${some.join(', ') || 'none yet'}`)
}

/** The release that `name` means. @throws what `locate` and `readRelease` throw. */
export async function findRelease(objects: ObjectStore, name: string): Promise<Release> {
  const { dataset, release } = await locate(objects, name)
  return (await readRelease(objects, dataset, release))!
}

/** The run file, with its defaults, that a release was made from; undefined where its manifest does not say. */
export const runFileOf = async (objects: ObjectStore, { config }: Release): Promise<RunConfig | undefined> =>
  config === undefined ? undefined : (JSON.parse(Buffer.from(await getRaw(objects, config)).toString()) as RunConfig)
