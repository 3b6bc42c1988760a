// The list of tiles of a run in the raw archive: a document for each batch of sections, and one that lists these.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { TileEntry } from '../domain/run-file/source.ts'
import { BATCH } from '../domain/index/grid.ts'
import type { Digest } from '../domain/recipe.ts'
import type { ObjectStore } from './object-store.ts'
import { getRaw, putRaw } from './raw.ts'

const put = (objects: ObjectStore, value: unknown): Promise<Digest> =>
  putRaw(objects, Buffer.from(canonicalJson(value as Json)))
const get = async <T>(objects: ObjectStore, digest: Digest): Promise<T> =>
  JSON.parse(Buffer.from(await getRaw(objects, digest)).toString()) as T

/** Null stands for tiles that follow from the bounds. */
export async function putTiles(objects: ObjectStore, tiles: readonly TileEntry[] | null): Promise<Digest> {
  if (!tiles) return put(objects, null)
  const batches = Map.groupBy(tiles, t => Math.floor(t.section / BATCH))
  const documents: Digest[] = []
  for (let i = 0; i <= Math.max(...batches.keys()); i++) documents.push(await put(objects, batches.get(i) ?? []))
  return put(objects, documents)
}

/** Digests of the documents of a list. */
export const tileDocuments = async (objects: ObjectStore, list: Digest): Promise<readonly Digest[]> =>
  (await get<Digest[] | null>(objects, list)) ?? []

/** Tiles of sections `first..last`, those of a batch in the order of the list; null where they follow from the bounds. */
export async function getTiles(
  objects: ObjectStore,
  list: Digest,
  first: number,
  last: number,
): Promise<TileEntry[] | null> {
  const documents = await get<Digest[] | null>(objects, list)
  if (!documents) return null
  const batches: TileEntry[][] = []
  for (const digest of documents.slice(Math.floor(first / BATCH), Math.floor(last / BATCH) + 1))
    batches.push((await get<TileEntry[]>(objects, digest)).filter(t => t.section >= first && t.section <= last))
  return batches.flat()
}
