// The phantom alone: makes (or finds) the slabs of a synthetic specimen, for `hillock phantom`.
import { archived } from './housekeeping/archive.ts'
import { housekeeping } from './housekeeping/activities.ts'
import { runStage } from './stage.ts'
import { window } from '../domain/index/window.ts'
import type { ReconstructInput } from '../domain/contract/run.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import { configError } from '../domain/errors.ts'
import { batchRange, nodesBelow, sectionGrid, rootOf } from '../domain/index/grid.ts'
import { ApplicationFailure } from '@temporalio/workflow'

export interface SpecimenSlab {
  readonly first: number
  readonly last: number
  readonly ref: ArtifactRef
}

export async function specimen(input: ReconstructInput): Promise<SpecimenSlab[]> {
  return archived(() => slabs(input))
}

async function slabs(input: ReconstructInput): Promise<SpecimenSlab[]> {
  const context = await housekeeping.survey(input)
  if (!context.synthetic) {
    const e = configError('source: not a phantom, so there is nothing to make')
    throw ApplicationFailure.nonRetryable(e.message, e.type)
  }
  const grid = sectionGrid(context.bounds)
  return window(nodesBelow(grid, rootOf(grid), 0), 8, async n => {
    const b = batchRange(n.coord, context.bounds)
    const made = await runStage('phantom', `z${b.first}-${b.last}`, {
      context,
      ...b,
      roots: {},
      page: null,
      slab: null,
    })
    return { ...b, ref: made.ref }
  })
}
