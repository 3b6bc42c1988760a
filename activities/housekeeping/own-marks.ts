// The patch of a rollback and the marks of that rollback: what it derives from good parameters and inputs all the same is not bad.
import { isHillockError } from '../../domain/errors.ts'
import type { RunContext } from '../../domain/contract/run.ts'
import type { Deps } from '../context.ts'

/** For activities of a run: an artifact that its own rollback has marked is taken after all, and the mark lifted. */
export const liftingOwn = (deps: Deps, { run }: Pick<RunContext, 'run'>): Deps => ({
  ...deps,
  artifacts: {
    ...deps.artifacts,
    async find(recipe) {
      try {
        return await deps.artifacts.find(recipe)
      } catch (e) {
        if (!isHillockError(e, 'QuarantinedArtifact') || e.details['patch'] !== run) throw e
        const ref = { stage: recipe.stage, recipe: String(e.details['recipe']) }
        await deps.artifacts.lift(ref, { by: run, reason: 'the patch has it as well, from good parameters and inputs' })
        return deps.artifacts.find(recipe)
      }
    },
  },
})
