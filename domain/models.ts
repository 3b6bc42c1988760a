// The models of a run by role: `model` of the run file is the one of affinities, `models` names the others.
import type { RunConfig } from './config.ts'
import type { RunContext, RunModel } from './contract/run.ts'
import type { Vec3 } from './geometry.ts'
import type { Digest } from './recipe.ts'
import { stageNames, stages, type StageName } from './stages.ts'
import type { StageRow } from './stages/row.ts'

/** The role that every segmentation needs: where a run file names no model of it, the client looks for one. */
export const AFFINITY = 'affinity'

/** Folders of the models that a run file names, by role. */
export const modelFolders = ({ model, models }: RunConfig): [role: string, folder: string][] =>
  Object.entries({ [AFFINITY]: model, ...models }).flatMap(([role, folder]) => (folder ? [[role, folder]] : []))

/** The model that a stage uses in a run; undefined where a kernel does instead. */
export function modelOf(context: Pick<RunContext, 'model' | 'models'>, stage: StageName): RunModel | undefined {
  const role = stages[stage].model?.role
  return role === undefined ? undefined : role === AFFINITY ? context.model : context.models?.[role]
}

/** A block of a model where the region is a whole number of these: with a halo of 24 it computes 1.9 voxels for each that it keeps. */
const LARGE: Vec3 = [256, 256, 128]

/** What a stage of blocks makes at once: more where that goes through a model, which sees the halo of each block again. */
export function blockOf({ grid, models, stages: given }: RunConfig, stage: StageName): Vec3 {
  const { model } = stages[stage]
  if (!model || (model.orKernel && !models?.[model.role])) return grid.block
  const { block } = given[stage] as { block?: Vec3 }
  return block ?? (LARGE.every((n, a) => grid.region[a]! % n === 0) ? LARGE : grid.block)
}

/** What the stages of a role ask of its model. */
export const wanted = (role: string): NonNullable<StageRow['model']> =>
  stages[stageNames.find(s => stages[s].model?.role === role)!].model!

/** The same run, with what each of its models gives for a small block. */
export async function tried(context: RunContext, sample: (m: RunModel) => Promise<Digest>): Promise<RunContext> {
  const { model, models, ...rest } = context
  const withSample = async (m: RunModel): Promise<RunModel> => ({ ...m, sample: await sample(m) })
  return {
    ...rest,
    ...(model && { model: await withSample(model) }),
    ...(models && {
      models: Object.fromEntries(
        await Promise.all(Object.entries(models).map(async ([role, m]) => [role, await withSample(m)] as const)),
      ),
    }),
  }
}
