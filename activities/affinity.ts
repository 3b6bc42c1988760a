// affinity: EM with halo, block by block, through the model.
import { canonicalJson } from '../domain/canonical.ts'
import type { Outcome } from '../domain/contract.ts'
import { shapeOf, translate, subtract, voxels } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import { Context } from '@temporalio/activity'
import { encodeChunks } from '../storage/formats/volume.ts'
import {
  affinityVolume,
  blocksOf,
  eachBlock,
  emVolume,
  halo,
  paste,
  readVolume,
  refs,
  regionBox,
  touching,
} from './cells.ts'
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
    async put => {
      const out = new Uint8Array(channels * voxels(box))
      const holes = await eachBlock('affinity', blocksOf(box, config, bounds), async block => {
        const outer = halo(block.box, parameters.halo, bounds)
        const em = await readVolume(deps, task, refs(task, 'render'), emVolume, outer)
        const core = translate(block.box, subtract([0, 0, 0], outer.min))
        const request = {
          model: model.file,
          digest: model.digest,
          em,
          shape: shapeOf(outer),
          core,
          channels,
          multipleOf: model.multipleOf,
        }
        const part = await deps.infer(request, Context.current().cancellationSignal)
        paste(part, block.box, out, box, channels)
      })
      for (const chunk of encodeChunks(out, box, { mip: 0, encoding: 'raw', channels }))
        await put(chunk.path, chunk.bytes)
      await put('holes.json', Buffer.from(canonicalJson(holes as never)))
      return { voxels: voxels(box), holes }
    },
  )
}
