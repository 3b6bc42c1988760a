// One batch of sections: (synthetic source ->) verified tiles -> tile transforms.
import { runStage } from './stage.ts'
import type { BatchOutcome, RunContext } from '../domain/contract.ts'
import { countOf } from './tracker.ts'

export interface SectionsInput {
  readonly context: RunContext
  readonly first: number
  readonly last: number
  readonly synthetic: boolean
}

/** Index of the batch's artifacts, with the counts of its stages. */
export async function sections({ context, first, last, synthetic }: SectionsInput): Promise<BatchOutcome> {
  const what = `z${first}-${last}`
  const task = { context, first, last, indexes: [], slab: null }
  const slab = synthetic ? await runStage('phantom', what, task) : null
  const ingested = await runStage('ingest', what, { ...task, slab: slab?.ref ?? null })
  const stitched = await runStage('stitch', what, { ...task, indexes: [ingested.index] })
  return {
    index: stitched.index,
    counts: [...(slab ? [countOf(slab)] : []), ...ingested.counts, ...stitched.counts],
    holes: [...(slab?.holes ?? []), ...ingested.holes, ...stitched.holes],
  }
}
