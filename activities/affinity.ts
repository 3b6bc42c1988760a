// affinity: EM with halo, block by block, through the model.
import { Context } from '@temporalio/activity'
import type { Outcome } from '../domain/contract.ts'
import type { CellTask } from '../domain/tasks.ts'
import { putMaps } from './blockwise.ts'
import { affinityVolume, halo, regionBox, touching } from './cells.ts'
import type { Deps } from './context.ts'
import { readModel } from './model.ts'
import { produce } from './produce.ts'
import { configFor } from './source.ts'

const { channels } = affinityVolume

export async function affinity(deps: Deps, task: CellTask): Promise<Outcome> {
  const { bounds, voxelSizeNm } = task.context
  const config = await configFor(deps, task)
  const model = await readModel(config.model, voxelSizeNm)
  const box = regionBox(task)
  const parameters = config.stages.affinity
  return produce(
    deps,
    config,
    {
      stage: 'affinity',
      key: task.cell,
      parameters: { ...parameters, block: config.grid.block },
      model: model.digest,
      inputs: touching(task, 'render', halo(box, parameters.halo, bounds)),
      extent: box,
    },
    put =>
      putMaps(deps, task, put, { stage: 'affinity', config, channels, halo: parameters.halo }, around => {
        const { file, digest, multipleOf } = model
        return deps.infer(
          { model: file, digest, ...around, channels, multipleOf },
          Context.current().cancellationSignal,
        )
      }),
  )
}
