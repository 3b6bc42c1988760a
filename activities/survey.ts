// survey: reads the source's layout, holds the run file against it, and says how the run is cut into batches.
import { HillockError } from '../domain/errors.ts'
import { checkInside } from '../domain/config.ts'
import type { ReconstructInput, SurveyResult } from '../domain/contract.ts'
import { readModel } from './model.ts'
import type { Deps } from './context.ts'
import { readLayout, saveDocument } from './source.ts'

/** Sections per batch: one activity each for ingest, stitch and match. */
const BATCH = 16

/** @throws HillockError ConfigError, ModelMismatch: before any stage has started. */
export async function survey(deps: Deps, input: ReconstructInput): Promise<SurveyResult> {
  const { config } = input
  const { layout, bounds } = await readLayout(deps, config)
  if (config.evaluate.box) checkInside('evaluate.box', config.evaluate.box, bounds)
  for (const a of [0, 1, 2] as const)
    if (Math.ceil(bounds.max[a] / config.grid.block[a]) > 1 << 14)
      throw new HillockError(
        'ConfigError',
        `grid.block.${a}: ${bounds.max[a]} voxels in blocks of ${config.grid.block[a]} are more than 2^14 blocks`,
      )
  if (config.through === 'evaluate') await readModel(config.model, config.voxelSizeNm)
  const last = bounds.max[2] - 1
  return {
    context: {
      dataset: input.dataset,
      run: input.run,
      config: await saveDocument(deps, config),
      layout,
      bounds,
      region: config.grid.region,
      voxelSizeNm: config.voxelSizeNm,
      through: config.through,
    },
    batches: Array.from({ length: Math.ceil((last + 1) / BATCH) }, (_, i) => ({
      first: i * BATCH,
      last: Math.min(last, i * BATCH + BATCH - 1),
    })),
    synthetic: 'phantom' in config.source,
    aligned: config.stages.align.method === 'none',
  }
}
