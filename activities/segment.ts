// segment: the region's supervoxels under their segment ids.
import type { Outcome } from '../domain/contract.ts'
import { voxels } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import { encodeChunks } from '../storage/formats/volume.ts'
import type { Merges } from '../kernels/segmentation-types.ts'
import { readArrays } from './agglomerate.ts'
import { own, readVolume, refs, regionBox, segmentationVolume } from './cells.ts'
import type { Deps } from './context.ts'
import { ofRegion, produce } from './produce.ts'
import { configFor } from './source.ts'

export async function segment(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const supervoxels = own(task, 'supervoxel')
  const table = own(task, 'merge-table')
  const order = ofRegion('segment', task, config.stages.segment, { supervoxel: supervoxels, 'merge-table': table })
  return produce(deps, config, order, async put => {
    const { from, to } = await readArrays<Merges>(deps, table, 'table.bin')
    const labels = await readVolume(deps, task, refs(task, 'supervoxel'), segmentationVolume, box)
    const mapped = await deps.compute('mapIds', [labels, from, to])
    for (const chunk of encodeChunks(mapped, box, { mip: 0, encoding: segmentationVolume.encoding }))
      await put(chunk.path, chunk.bytes)
    return { voxels: voxels(box), summary: { segments: new Set(to).size } }
  })
}
