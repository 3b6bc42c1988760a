// merge-table: the segment of every supervoxel of a region, from its own merges and what the tree says of its open clusters.
import type { Outcome } from '../domain/contract.ts'
import { voxels } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import type { Merges } from '../kernels/segmentation-types.ts'
import { arrays, readArrays } from './agglomerate.ts'
import { own, readVolume, refs, regionBox, segmentationVolume } from './cells.ts'
import type { Deps } from './context.ts'
import { ofRegion, produce } from './produce.ts'
import { slice, sliceFile } from './resolve.ts'
import { configFor } from './source.ts'

/** Its content, not the tree, enters the recipe of `segment`: a region whose slice is unchanged is not written again. */
export async function mergeTable(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const leaf = refs(task, 'agglomerate')[`0/${task.cell}`]!
  const parent = Object.values(task.refs['resolve'] ?? {})[0]
  const order = ofRegion('merge-table', task, config.stages['merge-table'], {
    supervoxel: own(task, 'supervoxel'),
    agglomerate: leaf,
    ...(parent ? { resolve: await slice(deps, parent, task.cell) } : {}),
  })
  return produce(deps, config, order, async put => {
    const { ids } = await deps.compute('countIds', [
      await readVolume(deps, task, refs(task, 'supervoxel'), segmentationVolume, box),
    ])
    const path = [await readArrays<Merges>(deps, leaf, 'merges.bin')]
    if (parent) path.push(await readArrays<Merges>(deps, parent, sliceFile(task.cell)))
    const table = await deps.compute('mergeTableSlice', [{ ids: ids.filter(id => id !== 0n), path }])
    await put('table.bin', arrays(table))
    return { voxels: voxels(box), summary: { supervoxels: table.from.length } }
  })
}
