// Generations of a recipe: while an artifact is marked, the same recipe is made anew under the next number.
import { HillockError, isHillockError } from '../domain/errors.ts'
import type { ArtifactRef, Lineage } from '../domain/lineage.ts'
import type { ArtifactMark, SetAside } from '../domain/plan/marks.ts'
import type { Recipe } from '../domain/recipe.ts'
import type { Deps } from './context.ts'

interface Standing {
  /** The first generation that no mark sets aside. */
  readonly recipe: Recipe
  readonly found: (ArtifactRef & { readonly lineage: Lineage }) | undefined
  /** Of the generations before it. */
  readonly marks: readonly SetAside[]
}

export async function standing(deps: Deps, first: Recipe): Promise<Standing> {
  const marks: SetAside[] = []
  for (;;) {
    const recipe = marks.length ? { ...first, generation: marks.length } : first
    try {
      return { recipe, found: await deps.artifacts.find(recipe), marks }
    } catch (e) {
      if (!isHillockError(e, 'QuarantinedArtifact')) throw e
      const { kind, reason, content } = e.details as unknown as ArtifactMark
      marks.push({ kind, reason, content })
    }
  }
}

/** @throws HillockError QuarantinedArtifact for what has the very content that was marked bad; of what was damaged the same bytes are right. */
export function refuseAgain({ stage, recipe, content }: ArtifactRef, marks: readonly SetAside[]): void {
  const bad = marks.find(m => m.kind === 'bad' && m.content === content)
  if (bad)
    throw new HillockError(
      'QuarantinedArtifact',
      `${stage}/${recipe} was marked bad (${bad.reason}) and made again, the same bytes: change parameters or lift the mark`,
      { stage, recipe, kind: bad.kind, reason: bad.reason },
    )
}
