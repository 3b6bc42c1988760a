// skeleton: the pieces of every segment's skeleton in a region, which meet those of its neighbours on the faces.
import type { Outcome } from '../domain/contract.ts'
import { shapeOf, voxels } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import { encodeSkeleton } from '../storage/formats/skeleton.ts'
import { skeletonAt } from '../kernels/index.ts'
import { readVolume, refs, regionBox, segmentationVolume, touching } from './cells.ts'
import type { Deps } from './context.ts'
import { highSides, lowSides, withMargins } from './margins.ts'
import { putPack } from './mesh.ts'
import { produce } from './produce.ts'
import { configFor } from './source.ts'

export async function skeleton(deps: Deps, task: CellTask): Promise<Outcome> {
  const { bounds, voxelSizeNm } = task.context
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const outer = withMargins(box, 1, 1, bounds)
  const params = config.stages.skeleton
  return produce(
    deps,
    config,
    {
      stage: 'skeleton',
      key: task.cell,
      parameters: { ...params, voxelSizeNm },
      inputs: touching(task, 'segment', outer),
      extent: box,
    },
    async put => {
      const volume = await readVolume(deps, task, refs(task, 'segment'), segmentationVolume, outer)
      const { labels, ids } = await deps.compute('compactIds', [volume])
      const made = await deps.compute('skeletonRegion', [
        {
          labels,
          ids,
          shape: shapeOf(outer),
          origin: outer.min,
          voxelSizeNm,
          low: lowSides(outer, box),
          high: highSides(outer, box),
          params,
        },
      ])
      const entries = Array.from(made.ids, (id, i) => {
        const { vertices, edges, radii } = skeletonAt(made, i)
        return { key: String(id), bytes: encodeSkeleton({ positions: vertices, edges, radii }) }
      })
      await putPack(put, entries)
      return { voxels: voxels(box), summary: { segments: entries.length } }
    },
  )
}
