// Release manifests, written once, and the channels that point at them, moved by compare-and-swap.
import { HillockError } from '../domain/errors.ts'
import type { ObjectStore } from './object-store.ts'

const releaseKey = (dataset: string, release: string): string => `releases/${dataset}/${release}.json`
const channelKey = (dataset: string, channel: string): string => `refs/${dataset}/${channel}`

/** What a channel holds that was set and taken back to what it was before: unset. Refs cannot be deleted. */
const UNSET = ''

/** What the channel holds, and the version to name when moving it; undefined while it is not set. */
export async function readChannel(
  objects: ObjectStore,
  dataset: string,
  channel: string,
): Promise<{ value: string; version: string } | undefined> {
  const ref = await objects.readRef(channelKey(dataset, channel))
  return ref?.value === UNSET ? undefined : ref
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
  value: string | null,
): Promise<void> {
  const key = channelKey(dataset, channel)
  const ref = expected === undefined ? await objects.readRef(key) : undefined
  const version = ref?.value === UNSET ? ref.version : expected
  if (!(await objects.swapRef(key, version, value ?? UNSET)))
    throw new HillockError(
      'RefConflict',
      `channel ${channel} of ${dataset} is no longer at version ${expected ?? '(unset)'}`,
      { dataset, channel },
    )
}

/** Writes a manifest (JSON text) if there is none of that name; `exists` when there is, whatever it says. */
export const putRelease = (
  objects: ObjectStore,
  dataset: string,
  release: string,
  json: string,
): Promise<'created' | 'exists'> => objects.putIfAbsent(releaseKey(dataset, release), Buffer.from(json))

export async function getRelease(objects: ObjectStore, dataset: string, release: string): Promise<string | undefined> {
  const bytes = await objects.get(releaseKey(dataset, release))
  return bytes && Buffer.from(bytes).toString()
}

/** Names of all releases of a dataset, sorted. */
export async function listReleases(objects: ObjectStore, dataset: string): Promise<string[]> {
  const prefix = `releases/${dataset}/`
  const out: string[] = []
  for await (const k of objects.list(prefix)) if (k.endsWith('.json')) out.push(k.slice(prefix.length, -'.json'.length))
  return out.sort()
}
