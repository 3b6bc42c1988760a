// Marks as a run takes them in: listed when it is surveyed, held against what it would release.
import type { RunContext } from '../../domain/contract/run.ts'
import { HillockError } from '../../domain/errors.ts'
import type { RunMark } from '../../domain/plan/marks.ts'
import { extentText } from '../../domain/provenance/lineage-summary.ts'
import type { Release } from '../../domain/release.ts'
import { listMarks } from '../../storage/quarantine.ts'
import { restsOn } from '../../storage/release-index.ts'
import type { Deps } from '../context.ts'
import { document, saveDocument } from '../documents.ts'

/** Saves the marks of artifacts that stand; the digest is part of the run's context. */
export async function saveMarks(deps: Deps): Promise<Pick<RunContext, 'marks'>> {
  const marks = await listMarks(deps.objects)
  if (marks.length === 0) return {}
  return {
    marks: await saveDocument(
      deps,
      marks.map(({ id, stage, kind, extent }): RunMark => ({ id, stage, kind, extent })),
    ),
  }
}

export const runMarks = async (deps: Deps, context: Pick<RunContext, 'marks'>): Promise<readonly RunMark[]> =>
  context.marks === undefined ? [] : document<RunMark[]>(deps, context.marks)

/**
 * What is marked gets neither into a release nor, with one, to a channel.
 * @throws HillockError QuarantinedArtifact
 */
export async function refuseMarked(deps: Deps, release: Release): Promise<void> {
  for (const mark of await listMarks(deps.objects)) {
    const { stage, recipe, kind, reason, extent } = mark
    if (await restsOn(deps.objects, release, mark, extent))
      throw new HillockError('QuarantinedArtifact', `${stage}, ${extentText(extent)}, is marked ${kind}: ${reason}`, {
        stage,
        recipe,
        kind,
        reason,
      })
  }
}
