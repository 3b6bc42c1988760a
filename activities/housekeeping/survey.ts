// survey: reads the source's layout and holds the run file against it.
import { canonicalJson } from '../../domain/canonical.ts'
import { configError } from '../../domain/errors.ts'
import type { RunConfig } from '../../domain/config.ts'
import { checkExclude, checkInside } from '../../domain/run-file/check.ts'
import type { ReconstructInput, RunContext, RunModel } from '../../domain/contract/run.ts'
import { fromKey, type Box } from '../../domain/geometry.ts'
import { AFFINITY, modelFolders } from '../../domain/models.ts'
import { excluding } from '../../domain/plan/marks.ts'
import { regionGrid } from '../../domain/index/grid.ts'
import { listDataMarks } from '../../storage/marks.ts'
import { putTiles } from '../../storage/tile-lists.ts'
import { sha256 } from '../../domain/recipe.ts'
import { archiveModel } from '../model.ts'
import type { Deps } from '../context.ts'
import { saveMarks } from './marks.ts'
import { saveDocument } from '../documents.ts'
import { checkTiles } from '../sources/check.ts'
import { openSource } from '../sources/source.ts'
import { scoredBox, truthFile } from '../quality/truth.ts'

/** @throws HillockError ConfigError, SourceError, ModelMismatch: before any stage has started. */
export async function survey(deps: Deps, input: ReconstructInput): Promise<RunContext> {
  const source = openSource(input.config, deps.objects)
  const whole = source && (await source.whole())
  const { bounds, offset, tiles } = source
    ? await source.survey()
    : { bounds: ofPhantom(input.config), offset: [0, 0, 0] as const, tiles: [] }
  checkExclude(input.config.exclude, bounds, offset[2])
  const marks = await listDataMarks(deps.objects, input.dataset)
  const config = { ...input.config, exclude: excluding(input.config.exclude, marks, bounds, offset) }
  if (config.evaluate.box) checkInside('evaluate.box', config.evaluate.box, bounds)
  if (source && tiles) await checkTiles(deps, config, source, tiles)
  const { evaluate } = config
  if (config.through === 'evaluate' && evaluate.truth !== undefined && evaluate.truth !== 'phantom')
    scoredBox(await truthFile(evaluate.truth, evaluate.offset, deps.objects, evaluate.ignore), bounds, evaluate)
  for (const a of [0, 1, 2] as const)
    if (Math.ceil(bounds.max[a] / config.grid.block[a]) > 1 << 14)
      throw configError(
        `grid.block.${a}: ${bounds.max[a]} voxels in blocks of ${config.grid.block[a]} are more than 2^14 blocks`,
      )
  const { cells } = regionGrid(bounds, config.grid.region)
  for (const [i, o] of config.overrides.entries())
    for (const name of o.regions)
      if (fromKey(name).some((c, a) => c >= cells[a]!))
        throw configError(`overrides.${i}.regions: there is no region ${name} in a grid of ${cells.join(' x ')}`)
  return {
    dataset: input.dataset,
    run: input.run,
    config: await saveDocument(deps, config),
    layout: await putTiles(deps.objects, tiles),
    ...(whole ? { source: sha256(canonicalJson(whole)) } : {}),
    bounds,
    ...(offset.some(v => v !== 0) && { offset }),
    region: config.grid.region,
    voxelSizeNm: config.voxelSizeNm,
    through: config.through,
    synthetic: 'phantom' in config.source,
    aligned: config.stages.align.method === 'none',
    ...(config.stages.graph.partitions && { partitions: config.stages.graph.partitions }),
    ...(config.through === 'evaluate' && (await archived(deps, config))),
    ...(await saveMarks(deps)),
  }
}

/** The models of a run by role. */
async function archived(deps: Deps, config: RunConfig): Promise<Pick<RunContext, 'model' | 'models'>> {
  const models: Record<string, RunModel> = {}
  for (const [role, folder] of modelFolders(config))
    models[role] = await archiveModel(deps, folder, config.voxelSizeNm, role)
  const { [AFFINITY]: model, ...others } = models
  return { ...(model && { model }), ...(Object.keys(others).length > 0 && { models: others }) }
}

const ofPhantom = ({ source }: RunConfig): Box => ({
  min: [0, 0, 0],
  max: 'phantom' in source ? source.phantom.size : [0, 0, 0],
})
