// Histories of finished workflows, kept in the bucket beyond Temporal's retention: one object per run, and an index of all.
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { z } from 'zod'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { HillockError } from '../../domain/errors.ts'
import type { Execution, History } from '../../domain/provenance/history.ts'
import { Digest, sha256 } from '../../domain/recipe.ts'
import { readHistory } from '../encryption.ts'
import { getDocument } from '../documents.ts'
import type { ObjectStore } from '../object-store.ts'
import { sealed } from '../sealed.ts'

const execution = { workflowId: z.string(), runId: z.string() }

const ArchivedHistory = z.strictObject({
  ...execution,
  type: z.string(),
  /** How the run ended. */
  end: z.string(),
  events: z.number().int(),
  /** sha256 of the canonical JSON, before compression. */
  digest: Digest,
  /** sha256 of the object: compressed, a flipped bit may change nothing that it says. */
  packed: Digest,
})
export type ArchivedHistory = Readonly<z.infer<typeof ArchivedHistory>>

/** The order of an index. */
export const byName = (a: Execution, b: Execution): number => {
  const [x, y] = [a, b].map(e => `${e.workflowId} ${e.runId}`) as [string, string]
  return x < y ? -1 : x > y ? 1 : 0
}

/** Every run below `root`, by workflow id. Written last: an archive with an index is complete. */
export const HistoryIndex = z.strictObject({
  root: z.strictObject(execution),
  histories: z
    .array(ArchivedHistory)
    .readonly()
    .refine(all => all.every((h, i) => i === 0 || byName(all[i - 1]!, h) < 0), 'are not in order, each once'),
})
export type HistoryIndex = Readonly<z.infer<typeof HistoryIndex>>

/** `reconstruct/<dataset>/<run>` of run id R lies in `histories/<dataset>/<run>/R`. */
export const archiveFolder = ({ workflowId, runId }: Execution): string =>
  `histories/${workflowId.slice(workflowId.indexOf('/') + 1)}/${runId}`

const indexKey = (folder: string): string => `${folder}/index.json`
export const historyKey = (folder: string, runId: string): string => `${folder}/${runId}.json.gz`

/** Undefined when there is none. @throws HillockError MissingArtifact when it cannot be read or is not the one of `digest` and, as an object, of `as`; ConfigError when it is encrypted with a key that is not there. */
export async function getHistory(...which: Parameters<typeof archivedText>): Promise<History | undefined> {
  const text = await archivedText(...which)
  return text === undefined ? undefined : readHistory(text)
}

/** Its JSON as it was archived: what Temporal holds encrypted is encrypted in it. */
export async function archivedText(
  objects: ObjectStore,
  key: string,
  digest?: Digest,
  as?: Digest,
): Promise<string | undefined> {
  const packed = await objects.get(key)
  if (!packed) return undefined
  const bad = (why: string): HillockError => new HillockError('MissingArtifact', `${key} ${why}`, { key })
  const text = await promisify(gunzip)(packed).catch(() => {
    throw bad('is damaged: it cannot be decompressed')
  })
  const actual = sha256(text)
  if (digest !== undefined && actual !== digest) throw bad(`has digest ${actual}, the index names ${digest}`)
  if (as !== undefined && sha256(packed) !== as) throw bad('is damaged: its bytes are not those that the index names')
  return text.toString()
}

export const historyDigest = (h: History): Digest => sha256(canonicalJson(h as unknown as Json))

/** Digest of the object; one that is there already stays. */
export async function putHistory(objects: ObjectStore, key: string, h: History): Promise<Digest> {
  const packed = await promisify(gzip)(canonicalJson(h as unknown as Json))
  return sha256((await objects.putIfAbsent(key, packed)) === 'created' ? packed : (await objects.get(key))!)
}

export const getHistoryIndex = (objects: ObjectStore, folder: string): Promise<HistoryIndex | undefined> =>
  getDocument(objects, indexKey(folder), 'index', HistoryIndex)

export async function putHistoryIndex(objects: ObjectStore, index: HistoryIndex): Promise<Digest> {
  const text = sealed(index)
  await objects.putIfAbsent(indexKey(archiveFolder(index.root)), Buffer.from(text))
  return sha256(text)
}

/** Indexes of all archives of `<dataset>/<run>`: a name may have been used twice. */
export async function listHistoryIndexes(objects: ObjectStore, run: string): Promise<HistoryIndex[]> {
  const keys = await Array.fromAsync(objects.list(`histories/${run}/`))
  const folders = keys.filter(k => k.endsWith('/index.json')).map(k => k.slice(0, -'/index.json'.length))
  return Array.fromAsync(folders, async folder => (await getHistoryIndex(objects, folder))!)
}
