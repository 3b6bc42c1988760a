// The artifact store: an artifact exists if and only if its lineage record does, one recipe has one result (docs/concepts.md, invariants 2 to 4).
import { LRUCache } from 'lru-cache'
import { HillockError, isHillockError } from '../domain/errors.ts'
import type { ArtifactRef, Lineage, Output, Source } from '../domain/lineage.ts'
import { recipeId, sha256, type Digest, type Recipe } from '../domain/recipe.ts'
import { artifactWriter, type ArtifactWriter } from './artifact-writer.ts'
import { artifactKey, LINEAGE, parseLineage } from './lineage-record.ts'
import type { ObjectStore } from './object-store.ts'
import { liftMark, markOf, setMark, type Marked } from './quarantine.ts'
import type { ArtifactMark, Lift } from '../domain/plan/marks.ts'

export interface ArtifactReader {
  readonly ref: ArtifactRef
  readonly lineage: Lineage
  /** Sorted by path. */
  readonly outputs: readonly Output[]
  output(path: string): Output | undefined
  /** @throws HillockError MissingArtifact when the output is unnamed in the record, gone, or has another digest than it. */
  get(path: string): Promise<Uint8Array<ArrayBuffer>>
  /** Unverified. @throws HillockError MissingArtifact when the output is unnamed, gone, or ends before `offset + length`. */
  getRange(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>
}

type FoundArtifact = ArtifactRef & { readonly lineage: Lineage }

export interface ArtifactStore {
  readonly objects: ObjectStore
  /**
   * @throws HillockError ProvenanceError when the record is damaged or belongs to another recipe.
   * @throws HillockError QuarantinedArtifact, with the kind, reason, content and patch run of the mark as details.
   */
  find(recipe: Recipe): Promise<FoundArtifact | undefined>
  /**
   * @param sources where each input comes from; one that is left out is an object of the raw archive.
   * @throws HillockError ProvenanceError when the recipe is not one.
   */
  write(recipe: Recipe, sources?: Readonly<Record<string, Source>>): ArtifactWriter
  /**
   * @throws HillockError MissingArtifact without a record, ProvenanceError when the record has another content than `ref`.
   * @throws HillockError QuarantinedArtifact while a mark stands; one that is set later is seen within a second.
   */
  open(ref: ArtifactRef): Promise<ArtifactReader>
  get(ref: ArtifactRef, path: string): Promise<Uint8Array<ArrayBuffer>>
  getRange(ref: ArtifactRef, path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>
  /** Whatever its marks. */
  lineage(stage: string, recipe: Digest): Promise<Lineage | undefined>
  /**
   * Sets an artifact aside; one that is marked so already is left alone.
   * @throws HillockError MissingArtifact when one without a readable record is called bad: what is lost can only be damaged.
   */
  quarantine(ref: Marked, mark: Pick<ArtifactMark, 'kind' | 'reason' | 'by' | 'patch'>): Promise<ArtifactMark>
  /** Takes the mark back; false when there is none. */
  lift(ref: Marked, lift: Pick<Lift, 'reason' | 'by'>): Promise<boolean>
}

/** Records kept in memory by `open`; they are immutable. */
const CACHED = 512
/** For so long `open` believes that an artifact is still without a mark. */
const UNMARKED_MS = 1000

interface Known {
  readonly reader: ArtifactReader
  readonly unmarkedAt: number
}

/**
 * @param options `quarantined`: marks are not looked at. For readers of a release that they name, for lineage and audit; never for what makes
 * artifacts.
 */
export function artifactStore(
  objects: ObjectStore,
  { quarantined = false }: { readonly quarantined?: boolean } = {},
): ArtifactStore {
  const cache = new LRUCache<string, Known>({ max: CACHED })

  const refuseMarked = async (ref: Marked): Promise<void> => {
    const mark = quarantined ? undefined : await markOf(objects, ref)
    if (!mark) return
    const { stage, recipe, kind, reason, content, patch } = mark
    throw new HillockError('QuarantinedArtifact', `artifact ${stage}/${recipe} is marked ${kind}: ${reason}`, {
      stage,
      recipe,
      kind,
      reason,
      content: content ?? '',
      ...(patch === undefined ? {} : { patch }),
    })
  }

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
      output: path => byPath.get(path),
      async get(path) {
        const output = named(path)
        const bytes = await objects.get(artifactKey(ref.stage, ref.recipe, path))
        if (!bytes) throw missing(path, 'the object is gone')
        if (bytes.length !== output.bytes)
          throw missing(path, `has ${bytes.length} bytes, its lineage record says ${output.bytes}`)
        if (sha256(bytes) !== output.sha256)
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
    const known = cache.get(id)
    const now = Date.now()
    const fresh = known !== undefined && now - known.unmarkedAt < UNMARKED_MS
    let reader = known?.reader
    // A record that an operator deleted may have been rebuilt since it was cached.
    const outdated = reader?.ref.content !== ref.content
    const record = outdated ? lineage(ref.stage, ref.recipe) : undefined
    // Of a marked artifact the mark is what matters, whatever is wrong with the record.
    record?.catch(() => {})
    if (!fresh) await refuseMarked(ref)
    if (outdated) {
      const found = await record
      if (!found)
        throw new HillockError('MissingArtifact', `artifact ${id} has no lineage record`, {
          stage: ref.stage,
          recipe: ref.recipe,
        })
      reader = readerOf({ stage: ref.stage, recipe: ref.recipe, content: found.content }, found)
    }
    if (reader!.ref.content !== ref.content)
      throw new HillockError(
        'ProvenanceError',
        `artifact ${id} has content ${reader!.ref.content}, it was named with ${ref.content}`,
        { stage: ref.stage, recipe: ref.recipe },
      )
    cache.set(id, { reader: reader!, unmarkedAt: fresh ? known.unmarkedAt : now })
    return reader!
  }

  return {
    objects,
    lineage,
    open,
    async find(recipe) {
      const id = recipeId(recipe)
      const reading = lineage(recipe.stage, id)
      reading.catch(() => {})
      await refuseMarked({ stage: recipe.stage, recipe: id })
      const record = await reading
      return record && { stage: recipe.stage, recipe: id, content: record.content, lineage: record }
    },
    async quarantine(ref, mark) {
      const record = await lineage(ref.stage, ref.recipe).catch((e: unknown) => {
        if (!isHillockError(e, 'ProvenanceError')) throw e
        return undefined
      })
      if (!record && mark.kind === 'bad')
        throw new HillockError('MissingArtifact', `artifact ${ref.stage}/${ref.recipe} has no readable lineage record`)
      cache.delete(`${ref.stage}/${ref.recipe}`)
      return setMark(objects, ref, record, mark)
    },
    lift: (ref, lift) => liftMark(objects, ref, lift),
    write: (recipe, sources = {}) =>
      artifactWriter(objects, recipe, sources, async ref => {
        const known = cache.get(`${ref.stage}/${ref.recipe}`)?.reader.lineage
        return known?.content === ref.content ? known : lineage(ref.stage, ref.recipe)
      }),
    get: async (ref, path) => (await open(ref)).get(path),
    getRange: async (ref, path, offset, length) => (await open(ref)).getRange(path, offset, length),
  }
}
