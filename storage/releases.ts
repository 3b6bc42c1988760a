// Release manifests, written once, and the channels that point at them, moved by compare-and-swap.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import { ChannelValue } from '../domain/releases/channel.ts'
import { differences } from '../domain/provenance/differences.ts'
import { HillockError } from '../domain/errors.ts'
import { namesRelease, releaseName, type Release } from '../domain/release.ts'
import { wrongFields } from './lineage-record.ts'
import type { ObjectStore } from './object-store.ts'
import { getSealed, putSealed, sealed, unsealed } from './sealed.ts'

export const releaseKey = (dataset: string, release: string): string => `releases/${dataset}/${release}.json`
/** What the names of signatures end in, which lie beside the manifests. */
export const SIGNATURE = '.dsse.json'

const channelKey = (dataset: string, channel: string): string => `refs/${dataset}/${channel}`

/** What a channel holds that was set and taken back to what it was before: unset. Refs cannot be deleted. */
const UNSET = ''

/**
 * What the channel holds, and the version to name when moving it; undefined while it is not set.
 * @throws HillockError MissingArtifact when its value is damaged, or no channel.
 */
export async function readChannel(
  objects: ObjectStore,
  dataset: string,
  channel: string,
): Promise<{ value: ChannelValue; version: string } | undefined> {
  const key = channelKey(dataset, channel)
  const ref = await objects.readRef(key)
  if (!ref || ref.value === UNSET) return undefined
  const parsed = ChannelValue.safeParse(unsealed(ref.value, key))
  if (!parsed.success)
    throw new HillockError('MissingArtifact', `${key} is no channel: ${wrongFields(parsed.error.issues)}`, {
      name: key,
    })
  return { value: parsed.data, version: ref.version }
}

/**
 * Sets a channel that still has version `expected` (undefined: is not set); to `null` where it is to be unset again.
 * @throws HillockError RefConflict when somebody else has moved it.
 */
export async function moveChannel(
  objects: ObjectStore,
  dataset: string,
  channel: string,
  expected: string | undefined,
  value: ChannelValue | null,
): Promise<void> {
  const key = channelKey(dataset, channel)
  const ref = expected === undefined ? await objects.readRef(key) : undefined
  const version = ref?.value === UNSET ? ref.version : expected
  if (!(await objects.swapRef(key, version, value === null ? UNSET : sealed(value))))
    throw new HillockError(
      'RefConflict',
      `channel ${channel} of ${dataset} is no longer at version ${expected ?? '(unset)'}`,
      { dataset, channel },
    )
}

/**
 * Writes a manifest. One that is there under its name stays, and is returned: another run has made the same release.
 * @throws HillockError ProvenanceError when that one says other things about the content; MissingArtifact when it is damaged.
 */
export async function putRelease(objects: ObjectStore, manifest: Release): Promise<Release> {
  const key = releaseKey(manifest.dataset, manifest.release)
  if ((await putSealed(objects, key, manifest)) === 'created') return manifest
  const there = (await getSealed(objects, key)) as Release
  if (releaseName(there) !== releaseName(manifest)) {
    const parted = differences(manifest, there).filter(d => namesRelease(d.field))
    throw new HillockError(
      'ProvenanceError',
      `${key} is there and says something else: ${parted.map(d => `${d.field} is ${d.found}, not ${d.expected}`).join('; ')}; \`hillock verify\` tells more`,
      { release: manifest.release },
    )
  }
  return there
}

/** @throws HillockError MissingArtifact when it is damaged. */
export async function getRelease(objects: ObjectStore, dataset: string, release: string): Promise<string | undefined> {
  const manifest = await getSealed(objects, releaseKey(dataset, release))
  return manifest && canonicalJson(manifest as Json)
}

/** Every release of the bucket, or of one dataset. */
export async function* releasesIn(
  objects: ObjectStore,
  dataset?: string,
): AsyncGenerator<{ readonly dataset: string; readonly release: string }> {
  for await (const key of objects.list(dataset === undefined ? 'releases/' : `releases/${dataset}/`)) {
    const [, of, file] = key.split('/') as [string, string, string]
    if (file.endsWith('.json') && !file.endsWith(SIGNATURE))
      yield { dataset: of, release: file.slice(0, -'.json'.length) }
  }
}

/** Names of all releases of a dataset, sorted. */
export const listReleases = async (objects: ObjectStore, dataset: string): Promise<string[]> =>
  (await Array.fromAsync(releasesIn(objects, dataset), r => r.release)).sort()
