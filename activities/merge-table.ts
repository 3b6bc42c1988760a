// merge-table: the segment of every supervoxel of a region, from the merges on its path to the root of the tree.
import type { Outcome } from '../domain/contract.ts'
import { voxels } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import type { Merges } from '../kernels/segmentation-types.ts'
import { arrays, readArrays } from './agglomerate.ts'
import { own, readVolume, refs, regionBox, segmentationVolume } from './cells.ts'
import type { Deps } from './context.ts'
import { contents, produce } from './produce.ts'
import { configOf } from './source.ts'

/** Its content, not the tree, enters the recipe of `segment`: a region whose slice is unchanged is not written again. */
export async function mergeTable(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const box = regionBox(task)
  const path = refs(task, 'agglomerate')
  return produce(
    deps,
    config,
    {
      stage: 'merge-table',
      key: task.cell,
      parameters: config.stages['merge-table'],
      inputs: { supervoxel: own(task, 'supervoxel').content, ...contents('agglomerate', path) },
      extent: box,
    },
    async put => {
      const { ids } = await deps.compute('countIds', [
        await readVolume(deps, task, refs(task, 'supervoxel'), segmentationVolume, box),
      ])
      const levels = Object.keys(path).sort((a, b) => Number(a.split('/')[0]) - Number(b.split('/')[0]))
      const merges = await Promise.all(levels.map(k => readArrays<Merges>(deps, path[k]!, 'merges.bin')))
      const table = await deps.compute('mergeTableSlice', [{ ids: ids.filter(id => id !== 0n), path: merges }])
      await put('table.bin', arrays(table))
      return { voxels: voxels(box), summary: { supervoxels: table.from.length } }
    },
  )
}
