// Files that are named by content: `sha256:DIGEST/path`, where the digest is that of a list of paths and digests in the raw archive.
import { posix } from 'node:path'
import { LRUCache } from 'lru-cache'
import { canonicalJson } from '../../domain/canonical.ts'
import { configError } from '../../domain/errors.ts'
import type { Digest } from '../../domain/recipe.ts'
import type { ObjectStore } from '../object-store.ts'
import { getRaw, putRaw, rawKey } from '../raw.ts'
import type { Files } from './files.ts'

type Listing = Readonly<Record<string, Digest>>

/** Puts the list of a folder whose files are in the raw archive; returns what names the folder. */
export const putListing = async (objects: ObjectStore, listing: Listing): Promise<string> =>
  `sha256:${await putRaw(objects, Buffer.from(canonicalJson(listing)))}`

/** Lists that were read last: each activity of a run asks for the same. */
const listings = new LRUCache<Digest, Listing, ObjectStore>({
  max: 8,
  ignoreFetchAbort: true,
  fetchMethod: async (digest, _before, { context }) =>
    JSON.parse(Buffer.from(await getRaw(context, digest)).toString()) as Listing,
})

/** @throws HillockError MissingArtifact when it is gone or damaged */
export const readListing = async (objects: ObjectStore, digest: Digest): Promise<Listing> =>
  (await listings.fetch(digest, { context: objects }))!

export function archivedFiles(url: string, objects: ObjectStore | undefined): Files & { list(): Promise<string[]> } {
  const [, digest, at = ''] = /^sha256:([0-9a-f]{64})(?:\/(.*))?$/.exec(url) ?? []
  if (digest === undefined || !objects)
    throw configError(
      `${url}: ${objects ? 'give content as sha256:DIGEST/path' : 'no bucket is at hand that holds it'}`,
    )
  const digestOf = async (path: string): Promise<Digest | undefined> =>
    (await readListing(objects, digest as Digest))[posix.join(at, path)]
  const under = at === '' ? '' : `${at}/`
  return {
    url,
    /** All paths below. */
    async list() {
      const paths = Object.keys(await readListing(objects, digest as Digest))
      return paths.filter(p => p.startsWith(under)).map(p => p.slice(under.length))
    },
    async get(path) {
      const found = await digestOf(path)
      return found === undefined ? undefined : getRaw(objects, found)
    },
    async range(path, offset, length) {
      const found = await digestOf(path)
      if (!found) return undefined
      const from = offset < 0 ? Math.max(0, (await objects.size(rawKey(found)))! + offset) : offset
      return objects.getRange(rawKey(found), from, length)
    },
    size: async path => (await objects.size(rawKey((await digestOf(path))!)))!,
    stamp: digestOf,
  }
}
