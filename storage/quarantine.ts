// Marks of artifacts, `quarantine/<stage>/<recipe>.json`: written once and lifted by a second object, never changed.
import type { ArtifactRef, Lineage } from '../domain/lineage.ts'
import { ArtifactMark, type Lift } from '../domain/plan/marks.ts'
import { mapBounded } from './bounded.ts'
import type { ObjectStore } from './object-store.ts'
import { getDocument, standing } from './documents.ts'
import { putSealed } from './sealed.ts'

export type Marked = Pick<ArtifactRef, 'stage' | 'recipe'>
const ROOT = 'quarantine/'
const LIFTED = '.lifted.json'

/** Without its ending. A mark that is set again after it was lifted has the next number: `<recipe>.2.json`. */
const markKey = ({ stage, recipe }: Marked, round: number): string =>
  `${ROOT}${stage}/${recipe}${round > 1 ? `.${round}` : ''}`

/** The mark that stands, and its number; without one the number of the next. One small read where there never was a mark. */
async function last(objects: ObjectStore, ref: Marked): Promise<{ round: number; mark: ArtifactMark | undefined }> {
  for (let round = 1; ; round++) {
    const mark = await getDocument(objects, `${markKey(ref, round)}.json`, 'mark', ArtifactMark)
    if (!mark) return { round, mark: undefined }
    if ((await objects.size(markKey(ref, round) + LIFTED)) === undefined) return { round, mark }
  }
}

export const markOf = async (objects: ObjectStore, ref: Marked): Promise<ArtifactMark | undefined> =>
  (await last(objects, ref)).mark

/** Marks an artifact; one that is marked so already is left alone, a mark of the other kind gives way. `record`: as far as it can be read. */
export async function setMark(
  objects: ObjectStore,
  ref: Marked,
  record: Lineage | undefined,
  given: Pick<ArtifactMark, 'kind' | 'reason' | 'by' | 'patch'>,
): Promise<ArtifactMark> {
  for (;;) {
    const { round, mark } = await last(objects, ref)
    if (mark?.kind === given.kind) return mark
    if (mark) {
      await liftMark(objects, ref, { by: given.by, reason: `is ${given.kind}: ${given.reason}` })
      continue
    }
    const next = ArtifactMark.parse({
      stage: ref.stage,
      recipe: ref.recipe,
      content: record?.content ?? null,
      extent: record?.recipe.extent ?? 'dataset',
      ...given,
      at: new Date().toISOString(),
    })
    if ((await putSealed(objects, `${markKey(ref, round)}.json`, next)) === 'created') return next
  }
}

/** False when there was none to lift. */
export async function liftMark(
  objects: ObjectStore,
  ref: Marked,
  given: Pick<Lift, 'reason' | 'by'>,
): Promise<boolean> {
  const { round, mark } = await last(objects, ref)
  if (!mark) return false
  await putSealed(objects, markKey(ref, round) + LIFTED, { ...given, at: new Date().toISOString() })
  return true
}

/** All marks of the bucket that stand, in the order of their keys; `id` tells one from an earlier one of the same artifact. */
export async function listMarks(objects: ObjectStore): Promise<(ArtifactMark & { readonly id: string })[]> {
  const live = await standing(objects, ROOT, LIFTED)
  return mapBounded(live, 32, async k => ({
    id: k.slice(ROOT.length, -'.json'.length),
    ...(await getDocument(objects, k, 'mark', ArtifactMark))!,
  }))
}
