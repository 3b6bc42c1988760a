// The lineage record as an object: where it lies, how it is read, and what it must satisfy to count.
import { HillockError } from '../domain/errors.ts'
import { Lineage } from '../domain/lineage.ts'
import { contentDigest, recipeId, type Digest } from '../domain/recipe.ts'
import { sealed, unsealed } from './sealed.ts'

export const LINEAGE = 'lineage.json'
export const artifactKey = (stage: string, recipe: Digest, path: string): string =>
  `artifacts/${stage}/${recipe}/${path}`

/** One line per field that a schema refuses. */
export const wrongFields = (issues: readonly { path: readonly PropertyKey[]; message: string }[]): string =>
  issues.map(i => `${i.path.map(String).join('.') || 'record'}: ${i.message}`).join('; ')

/** @throws HillockError ProvenanceError when the bytes are not the complete and consistent record of `recipe`. */
export function parseLineage(bytes: Uint8Array, stage: string, recipe: Digest): Lineage {
  const name = `${stage}/${recipe}`
  const bad = (why: string): HillockError =>
    new HillockError('ProvenanceError', `lineage record of ${name}: ${why}`, { stage, recipe })
  const text = Buffer.from(bytes).toString()
  let json: { seal?: unknown }
  try {
    json = { ...(JSON.parse(text) as object) }
  } catch (e) {
    throw bad(`is not JSON (${(e as Error).message})`)
  }
  delete json.seal
  const parsed = Lineage.safeParse(json)
  if (!parsed.success) throw bad(wrongFields(parsed.error.issues))
  const record = parsed.data
  if (record.recipeId !== recipe) throw bad(`recipeId: is ${record.recipeId}`)
  if (record.recipe.stage !== stage) throw bad(`recipe.stage: is ${record.recipe.stage}`)
  if (recipeId(record.recipe) !== recipe) throw bad(`recipe: its id is ${recipeId(record.recipe)}`)
  if (contentDigest(record.outputs) !== record.content) throw bad('content: is not the digest of the outputs')
  if (record.outputs.reduce((n, o) => n + o.bytes, 0) !== record.bytes)
    throw bad('bytes: is not the sum of the outputs')
  // Last, so that a reason that says more comes first.
  try {
    unsealed(text, name)
  } catch (e) {
    throw bad((e as Error).message)
  }
  return record
}

export const lineageBytes = (record: Lineage): Uint8Array => Buffer.from(sealed(record))
