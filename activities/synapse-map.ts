// synapse-map: cleft and vesicle maps of a region, block by block.
import type { Outcome } from '../domain/contract.ts'
import type { CellTask } from '../domain/tasks.ts'
import { synapseMapHalo } from '../kernels/index.ts'
import { putMaps } from './blockwise.ts'
import { halo, mapVolume, regionBox, touching } from './cells.ts'
import type { Deps } from './context.ts'
import { ofRegion, produce } from './produce.ts'
import { configFor } from './source.ts'

const { channels } = mapVolume

export async function synapseMap(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const params = config.stages['synapse-map']
  const order = ofRegion(
    'synapse-map',
    task,
    { ...params, block: config.grid.block },
    touching(task, 'render', halo(box, synapseMapHalo, task.context.bounds)),
  )
  return produce(deps, config, order, put =>
    putMaps(deps, task, put, { stage: 'synapse-map', config, channels, halo: synapseMapHalo }, async around => {
      const { cleft, vesicles } = await deps.compute('synapseMap', [{ ...around, params }])
      const both = new Uint8Array(channels * cleft.length)
      both.set(cleft)
      both.set(vesicles, cleft.length)
      return both
    }),
  )
}
