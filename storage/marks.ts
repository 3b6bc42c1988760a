// Marks of sections and boxes, `marks/<dataset>/<id>.json`: written once and lifted by a second object, never changed.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import { DataMark, type Lift } from '../domain/plan/marks.ts'
import { sha256 } from '../domain/recipe.ts'
import { mapBounded } from './bounded.ts'
import type { ObjectStore } from './object-store.ts'
import { getDocument, standing } from './documents.ts'
import { putSealed } from './sealed.ts'

const ROOT = 'marks/'
const LIFTED = '.lifted.json'

export async function putDataMark(objects: ObjectStore, given: Omit<DataMark, 'id' | 'at'>): Promise<DataMark> {
  const at = new Date().toISOString()
  const digest = sha256(canonicalJson({ ...given, at } as unknown as Json)).slice(0, 8)
  const id = `${'section' in given.what ? `section-${given.what.section}` : 'box'}-${digest}`
  const mark = DataMark.parse({ ...given, id, at })
  await putSealed(objects, `${ROOT}${mark.dataset}/${id}.json`, mark)
  return mark
}

/** Marks that stand, of one dataset or of all. */
export async function listDataMarks(objects: ObjectStore, dataset?: string): Promise<DataMark[]> {
  const live = await standing(objects, dataset === undefined ? ROOT : `${ROOT}${dataset}/`, LIFTED)
  return mapBounded(live, 32, async k => (await getDocument(objects, k, 'mark', DataMark))!)
}

/** False when no mark of that name stands. */
export async function liftDataMark(
  objects: ObjectStore,
  id: string,
  given: Pick<Lift, 'by' | 'reason'>,
): Promise<boolean> {
  const mark = (await listDataMarks(objects)).find(m => m.id === id)
  if (!mark) return false
  await putSealed(objects, `${ROOT}${mark.dataset}/${id}${LIFTED}`, { ...given, at: new Date().toISOString() })
  return true
}
