// synapse: clefts of a region with their pre- and postsynaptic segments.
import type { Outcome } from '../../domain/contract/artifacts.ts'
import { shapeOf, subtract, translate, voxels } from '../../domain/geometry.ts'
import type { CellTask } from '../../domain/contract/activities.ts'
import { arrays } from '../segmentation/agglomerate.ts'
import { readStage, regionBox, seen, touching } from '../cells.ts'
import { moved, type Deps } from '../context.ts'
import { ofRegion, produce } from '../produce.ts'
import { configFor } from '../documents.ts'
import { compactIds } from '../../kernels/segmentation/compact-ids.ts'
import { synapses } from '../../kernels/synapse/synapse.ts'

export async function synapse(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const outer = seen(task, 'synapse', 'segment')
  const params = config.stages.synapse
  const order = ofRegion('synapse', task, params, {
    ...touching(task, 'synapse-map', outer),
    ...touching(task, 'segment', outer),
  })
  return produce(deps, config, order, async put => {
    const maps = await readStage(deps, task, 'synapse-map', outer)
    const volume = await readStage(deps, task, 'segment', outer)
    const { labels, ids } = await deps.compute(compactIds, [moved(volume)])
    const n = voxels(outer)
    const { table } = await deps.compute(synapses, [
      {
        cleft: moved(maps.subarray(0, n)),
        vesicles: maps.subarray(n),
        labels: moved(labels),
        ids,
        shape: shapeOf(outer),
        origin: outer.min,
        core: translate(box, subtract([0, 0, 0], outer.min)),
        params,
      },
    ])
    await put('synapses.bin', arrays(table))
    return { voxels: voxels(box), summary: { synapses: table.pre.length } }
  })
}
