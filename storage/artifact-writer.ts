// The writing side of an artifact: outputs first, each digested, the lineage record last (docs/concepts.md, invariant 4).
import { HillockError } from '../domain/errors.ts'
import { digestOf, Lineage, type ArtifactRef, type Output, type Source } from '../domain/lineage.ts'
import { contentDigest, Recipe, recipeId, sha256, type Digest } from '../domain/recipe.ts'
import { mapBounded } from './bounded.ts'
import { artifactKey, LINEAGE, lineageBytes, parseLineage, wrongFields } from './lineage-record.ts'
import type { ObjectStore } from './object-store.ts'
import { rawKey } from './raw.ts'

/** What only the attempt knows; the writer fills in the rest. */
export type Attempt = Omit<Lineage, 'recipeId' | 'recipe' | 'outputs' | 'content' | 'bytes'>

export interface ArtifactWriter {
  readonly recipeId: Digest
  /**
   * Writes one output; several may be under way at once. What a killed attempt left is taken over when it has the same bytes.
   * @throws HillockError NondeterminismError when it has others; ProvenanceError for a path given twice or a writer that has committed.
   */
  put(path: string, bytes: Uint8Array): Promise<Output>
  /** Outputs that an earlier attempt has put, without making them again; undefined when they are not all there, or not those of `digest`. */
  takeOver(paths: readonly string[], digest: Digest): Promise<readonly Output[] | undefined>
  /**
   * Verifies that every output is in the store, then writes the lineage record: from here on the artifact exists.
   * When a racing attempt has committed the same content, its artifact is returned.
   * @throws HillockError ProvenanceError, naming every missing or wrong field, output or input: nothing is committed.
   * @throws HillockError NondeterminismError when the artifact exists with other content.
   */
  commit(attempt: Attempt): Promise<ArtifactRef & { readonly lineage: Lineage }>
}

/**
 * @param sources of each input of the recipe where it comes from; one that is left out is an object of the raw archive.
 * @param recordOf the lineage record of an artifact.
 * @throws HillockError ProvenanceError when `recipe` is not a complete recipe.
 */
export function artifactWriter(
  objects: ObjectStore,
  recipe: Recipe,
  sources: Readonly<Record<string, Source>>,
  recordOf: (ref: ArtifactRef) => Promise<Lineage | undefined>,
): ArtifactWriter {
  const checked = Recipe.safeParse(recipe)
  if (!checked.success)
    throw new HillockError('ProvenanceError', `recipe of an artifact: ${wrongFields(checked.error.issues)}`)
  const id = recipeId(recipe)
  const stage = recipe.stage
  const name = `${stage}/${id}`
  const outputs = new Map<string, Output | undefined>()
  let closed = false

  const refuse = (why: string): HillockError =>
    new HillockError('ProvenanceError', `artifact ${name} is not committed: ${why}`, { stage, recipe: id })
  const differs = (what: string, here: Digest, there: Digest): HillockError =>
    new HillockError(
      'NondeterminismError',
      `${what} of artifact ${name}: this attempt made ${here}, an earlier one made ${there}`,
      { stage, recipe: id, here, there },
    )

  /** What was there already when it was to be written. */
  const standing = async (key: string): Promise<Uint8Array> => {
    const there = await objects.get(key)
    if (!there) throw new HillockError('StoreError', `${key} is there and cannot be read`, { key })
    return there
  }

  /** Outputs that the store does not hold as they were put. */
  const absent = async (made: readonly Output[]): Promise<string[]> => {
    const sizes = await mapBounded(made, 16, o => objects.size(artifactKey(stage, id, o.path)))
    return made.flatMap((o, i) =>
      sizes[i] === o.bytes ? [] : [`output ${o.path} has ${sizes[i] ?? 'no'} bytes in the store instead of ${o.bytes}`],
    )
  }

  /** Why an input is not one: what it names must exist and have the very digest that the recipe takes. */
  const foreign = async (input: string, digest: Digest | undefined): Promise<string | undefined> => {
    const source = sources[input] ?? digest!
    if (digestOf(source) !== digest)
      return `is ${digest ?? 'no part of the recipe'}, its source has ${digestOf(source)}`
    if (typeof source === 'string')
      return (await objects.size(rawKey(digest))) === undefined ? `the raw archive does not hold ${digest}` : undefined
    const ref = 'of' in source ? source.of : source
    const record = await recordOf(ref)
    if (!record) return `there is no artifact ${ref.stage}/${ref.recipe}`
    if (record.content !== ref.content) return `artifact ${ref.stage}/${ref.recipe} has content ${record.content}`
    if (!('of' in source))
      return input.split('/')[0] === ref.stage ? undefined : `is taken from an artifact of ${ref.stage}`
    const part = record.outputs.find(o => o.path === source.path)
    return part?.sha256 === digest ? undefined : `${source.path} of ${ref.stage}/${ref.recipe} is ${part?.sha256}`
  }
  const foreigners = async (): Promise<string[]> => {
    const names = [...new Set([...Object.keys(recipe.inputs), ...Object.keys(sources)])]
    const why = await mapBounded(names, 16, n => foreign(n, recipe.inputs[n]))
    const model = recipe.model !== null && (await objects.size(rawKey(recipe.model))) === undefined
    return [
      ...why.flatMap((w, i) => (w === undefined ? [] : [`input ${names[i]}: ${w}`])),
      ...(model ? [`model: the raw archive does not hold ${recipe.model}`] : []),
    ]
  }

  return {
    recipeId: id,
    async put(path, bytes) {
      if (closed) throw refuse(`output ${path} comes after the commit`)
      if (path === LINEAGE) throw refuse(`an output cannot be called ${LINEAGE}`)
      if (outputs.has(path)) throw refuse(`output ${path} is written twice`)
      outputs.set(path, undefined)
      const output = { path, sha256: sha256(bytes), bytes: bytes.length }
      const key = artifactKey(stage, id, path)
      if ((await objects.putIfAbsent(key, bytes)) === 'exists') {
        const digest = sha256(await standing(key))
        if (digest !== output.sha256) throw differs(path, output.sha256, digest)
      }
      outputs.set(path, output)
      return output
    },

    async takeOver(paths, digest) {
      const there = await mapBounded(paths, 8, async path => {
        const bytes = await objects.get(artifactKey(stage, id, path))
        return bytes && { path, sha256: sha256(bytes), bytes: bytes.length }
      })
      const found = there.filter(o => o !== undefined)
      if (found.length < paths.length || contentDigest(found) !== digest) return undefined
      for (const o of found) outputs.set(o.path, o)
      return found
    },

    async commit(attempt) {
      closed = true
      const unfinished = [...outputs].filter(([, o]) => o === undefined).map(([path]) => path)
      if (unfinished.length > 0) throw refuse(`outputs not written to the end: ${unfinished.join(', ')}`)
      const made = [...outputs.values()].map(o => o!).sort((a, b) => (a.path < b.path ? -1 : 1))
      const parsed = Lineage.safeParse({
        ...attempt,
        recipeId: id,
        recipe,
        outputs: made,
        content: contentDigest(made),
        bytes: made.reduce((n, o) => n + o.bytes, 0),
      })
      if (!parsed.success) throw refuse(wrongFields(parsed.error.issues))
      const missing = [...(await foreigners()), ...(await absent(made))]
      if (missing.length > 0) throw refuse(missing.join('; '))

      let lineage = parsed.data
      const key = artifactKey(stage, id, LINEAGE)
      if ((await objects.putIfAbsent(key, lineageBytes(lineage))) === 'exists') {
        const other = parseLineage(await standing(key), stage, id)
        if (other.content !== lineage.content) throw differs('content', lineage.content, other.content)
        lineage = other
      }
      return { stage, recipe: id, content: lineage.content, lineage }
    },
  }
}
