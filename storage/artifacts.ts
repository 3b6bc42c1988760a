// The artifact store: an artifact exists if and only if its lineage record does, one recipe has one result (design, invariants 2 to 4).
import { HillockError } from '../domain/errors.ts'
import type { ArtifactRef, Lineage, Output } from '../domain/lineage.ts'
import { recipeId, sha256, type Digest, type Recipe } from '../domain/recipe.ts'
import { artifactWriter, type ArtifactWriter } from './artifact-writer.ts'
import { artifactKey, LINEAGE, parseLineage } from './lineage-record.ts'
import type { ObjectStore } from './object-store.ts'

interface ReadOptions {
  /** Compare with the digest in the lineage record (about 1.5 GB/s); true if left out. */
  readonly verify?: boolean
  readonly signal?: AbortSignal
}

interface ArtifactReader {
  readonly ref: ArtifactRef
  readonly lineage: Lineage
  /** Sorted by path. */
  readonly outputs: readonly Output[]
  has(path: string): boolean
  /** @throws HillockError MissingArtifact when the output is unnamed in the record, gone, or has another digest than it. */
  get(path: string, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>
  /** Unverified. @throws HillockError MissingArtifact when the output is unnamed, gone, or ends before `offset + length`. */
  getRange(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>
}

type FoundArtifact = ArtifactRef & { readonly lineage: Lineage }

export interface ArtifactStore {
  readonly objects: ObjectStore
  /** @throws HillockError ProvenanceError when the record is damaged or belongs to another recipe. */
  find(recipe: Recipe): Promise<FoundArtifact | undefined>
  /** @throws HillockError ProvenanceError when the recipe is not one. */
  write(recipe: Recipe): ArtifactWriter
  /** @throws HillockError MissingArtifact without a record, ProvenanceError when the record has another content than `ref`. */
  open(ref: ArtifactRef): Promise<ArtifactReader>
  get(ref: ArtifactRef, path: string, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>
  getRange(ref: ArtifactRef, path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>
  lineage(stage: string, recipe: Digest): Promise<Lineage | undefined>
}

/** Records kept in memory by `open`; they are immutable. */
const CACHED = 512

export function artifactStore(objects: ObjectStore): ArtifactStore {
  const cache = new Map<string, ArtifactReader>()

  const lineage = async (stage: string, recipe: Digest): Promise<Lineage | undefined> => {
    const bytes = await objects.get(artifactKey(stage, recipe, LINEAGE))
    return bytes && parseLineage(bytes, stage, recipe)
  }

  const readerOf = (ref: ArtifactRef, record: Lineage): ArtifactReader => {
    const byPath = new Map(record.outputs.map(o => [o.path, o]))
    const missing = (path: string, why: string): HillockError =>
      new HillockError('MissingArtifact', `${path} of artifact ${ref.stage}/${ref.recipe}: ${why}`, {
        stage: ref.stage,
        recipe: ref.recipe,
        path,
      })
    const named = (path: string): Output => {
      const output = byPath.get(path)
      if (!output) throw missing(path, 'the lineage record names no such output')
      return output
    }
    return {
      ref,
      lineage: record,
      outputs: record.outputs,
      has: path => byPath.has(path),
      async get(path, { verify = true, signal } = {}) {
        const output = named(path)
        const bytes = await objects.get(artifactKey(ref.stage, ref.recipe, path), signal ? { signal } : {})
        if (!bytes) throw missing(path, 'the object is gone')
        if (bytes.length !== output.bytes)
          throw missing(path, `has ${bytes.length} bytes, its lineage record says ${output.bytes}`)
        if (verify && sha256(bytes) !== output.sha256)
          throw missing(path, 'is damaged: its digest is not the one in the lineage record')
        return bytes
      },
      async getRange(path, offset, length) {
        named(path)
        const bytes = await objects.getRange(artifactKey(ref.stage, ref.recipe, path), offset, length)
        if (!bytes) throw missing(path, 'the object is gone')
        if (bytes.length !== length) throw missing(path, `ends before byte ${offset + length}`)
        return bytes
      },
    }
  }

  const open = async (ref: ArtifactRef): Promise<ArtifactReader> => {
    const id = `${ref.stage}/${ref.recipe}`
    let reader = cache.get(id)
    // A record that an operator deleted may have been rebuilt since it was cached.
    if (reader?.ref.content !== ref.content) {
      const record = await lineage(ref.stage, ref.recipe)
      if (!record)
        throw new HillockError('MissingArtifact', `artifact ${id} has no lineage record`, {
          stage: ref.stage,
          recipe: ref.recipe,
        })
      reader = readerOf({ stage: ref.stage, recipe: ref.recipe, content: record.content }, record)
    }
    if (reader!.ref.content !== ref.content)
      throw new HillockError(
        'ProvenanceError',
        `artifact ${id} has content ${reader!.ref.content}, it was named with ${ref.content}`,
        {
          stage: ref.stage,
          recipe: ref.recipe,
        },
      )
    // Last used goes to the end; the first is dropped.
    cache.delete(id)
    cache.set(id, reader!)
    if (cache.size > CACHED) cache.delete(cache.keys().next().value!)
    return reader!
  }

  return {
    objects,
    lineage,
    open,
    async find(recipe) {
      const id = recipeId(recipe)
      const record = await lineage(recipe.stage, id)
      return record && { stage: recipe.stage, recipe: id, content: record.content, lineage: record }
    },
    write: recipe => artifactWriter(objects, recipe),
    get: async (ref, path, options) => (await open(ref)).get(path, options),
    getRange: async (ref, path, offset, length) => (await open(ref)).getRange(path, offset, length),
  }
}
