// Opens a volume that others wrote, in whatever format it is.
import { canonicalJson } from '../../domain/canonical.ts'
import { VolumeFormat } from '../../domain/run-file/source.ts'
import { configError, type HillockError, isHillockError } from '../../domain/errors.ts'
import { sha256, type Digest } from '../../domain/recipe.ts'
import { unzipped } from '../formats/unpack.ts'
import type { ObjectStore } from '../object-store.ts'
import { addressOf } from './address.ts'
import { openFiles, type Files } from './files.ts'
import { openN5 } from './n5.ts'
import { openPrecomputed } from './precomputed.ts'
import type { ForeignVolume } from './types.ts'
import { openZarr } from './zarr.ts'

/** What a format knows of a volume. */
export type Opened = Omit<ForeignVolume, 'url' | 'metadata'>

/** Undefined when there is nothing of the format. */
type Open = (files: Files) => Promise<Opened | undefined>

const formats: Readonly<Record<VolumeFormat, Open>> = { precomputed: openPrecomputed, zarr: openZarr, n5: openN5 }

/**
 * @param pasted an address as `addressOf` and `openFiles` take it
 * @param objects the bucket that holds what is named by content
 * @throws HillockError ConfigError when there is no volume that can be read, and says why; StoreError, StoreRefused
 */
export async function openVolume(pasted: string, format?: VolumeFormat, objects?: ObjectStore): Promise<ForeignVolume> {
  const address = addressOf(pasted)
  const files = openFiles(address.url, objects)
  const named = format ?? address.format
  const documents = new Map<string, Digest | null>()
  let refused: HillockError | undefined
  let opening = true
  const watched: Files = {
    ...files,
    async get(path) {
      if (!opening) return files.get(path)
      // Many documents are looked for that need not be there, and some hosts refuse what they do not have.
      const given = await files.get(path).catch((e: unknown): undefined => {
        if (!isHillockError(e, 'StoreRefused')) throw e
        refused ??= e
      })
      // A copy of a bucket keeps the compression that the bucket would have undone.
      const bytes = given && unzipped(given, why => configError(`${files.url}/${path} ${why}`))
      documents.set(path, bytes ? sha256(bytes) : null)
      // Some hosts have a page for whatever is asked.
      if (!bytes || !/^\s*</.test(Buffer.from(bytes.subarray(0, 64)).toString())) return bytes
      refused ??= configError(`${files.url}/${path}: the host answers with a web page`)
      return undefined
    },
  }
  for (const f of named ? [named] : VolumeFormat.options) {
    const found = await formats[f](watched)
    opening = found === undefined
    if (found) return { ...found, url: files.url, metadata: sha256(canonicalJson(Object.fromEntries(documents))) }
  }
  if (refused) throw refused
  const what = `${files.url}: there is no ${named ?? VolumeFormat.options.join(', ')} volume`
  const below = ((await files.below?.(DOCUMENTS)) ?? []).slice(0, SHOWN).map(p => `${files.url}/${p}`)
  throw configError(below.length ? `${what}; name what is in it: ${below.join(', ')}` : what)
}

/** Files that a volume has. */
const DOCUMENTS = ['info', 'zarr.json', '.zarray', '.zattrs', 'attributes.json']
const SHOWN = 4
