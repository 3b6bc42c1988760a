// The phantom alone: makes (or finds) the slabs of a synthetic specimen, for `hillock phantom`.
import { housekeeping } from './housekeeping.ts'
import { runStage } from './stage.ts'
import { window } from './window.ts'
import type { ReconstructInput } from '../domain/contract.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import { HillockError } from '../domain/errors.ts'
import { ApplicationFailure } from '@temporalio/workflow'

export interface SpecimenSlab {
  readonly first: number
  readonly last: number
  readonly ref: ArtifactRef
}

export async function specimen(input: ReconstructInput): Promise<SpecimenSlab[]> {
  const { context, batches, synthetic } = await housekeeping.survey(input)
  if (!synthetic) {
    const e = new HillockError('ConfigError', 'source: not a phantom, so there is nothing to make')
    throw ApplicationFailure.nonRetryable(e.message, e.type)
  }
  return window(batches, 8, async b => {
    const made = await runStage('phantom', `z${b.first}-${b.last}`, { context, ...b, indexes: [], slab: null })
    return { ...b, ref: made.ref }
  })
}
