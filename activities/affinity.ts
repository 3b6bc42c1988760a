// affinity: EM with halo, block by block, through the model.
import { Context } from '@temporalio/activity'
import type { Outcome } from '../domain/contract.ts'
import type { CellTask } from '../domain/tasks.ts'
import { putMaps } from './blockwise.ts'
import { affinityVolume, halo, regionBox, touching } from './cells.ts'
import type { Deps } from './context.ts'
import { readModel } from './model.ts'
import { ofRegion, produce } from './produce.ts'
import { configFor } from './source.ts'

const { channels } = affinityVolume

export async function affinity(deps: Deps, task: CellTask): Promise<Outcome> {
  const { bounds, voxelSizeNm } = task.context
  const config = await configFor(deps, task)
  const model = await readModel(config.model, voxelSizeNm)
  const box = regionBox(task)
  const parameters = config.stages.affinity
  const order = {
    ...ofRegion(
      'affinity',
      task,
      { ...parameters, block: config.grid.block },
      touching(task, 'render', halo(box, parameters.halo, bounds)),
    ),
    model: model.digest,
  }
  return produce(deps, config, order, put =>
    putMaps(deps, task, put, { stage: 'affinity', config, channels, halo: parameters.halo }, around => {
      const { file, digest, multipleOf } = model
      return deps.infer({ model: file, digest, ...around, channels, multipleOf }, Context.current().cancellationSignal)
    }),
  )
}
