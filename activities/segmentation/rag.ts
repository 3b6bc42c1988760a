// rag: the region adjacency graph of a region, with the edges across its lower faces.
import type { Outcome } from '../../domain/contract/artifacts.ts'
import { shapeOf, voxels } from '../../domain/geometry.ts'
import type { CellTask } from '../../domain/contract/activities.ts'
import { arrays } from './agglomerate.ts'
import { lowSides, own, readStage, readVolume, refs, regionBox, seen, segmentationVolume, touching } from '../cells.ts'
import { moved, type Deps } from '../context.ts'
import { ofRegion, produce } from '../produce.ts'
import { configFor } from '../documents.ts'
import { compactIds } from '../../kernels/segmentation/compact-ids.ts'
import { regionGraph } from '../../kernels/segmentation/rag.ts'

export async function rag(deps: Deps, task: CellTask): Promise<Outcome> {
  const { context } = task
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const outer = seen(task, 'rag', 'supervoxel')
  const order = ofRegion('rag', task, config.stages.rag, {
    affinity: own(task, 'affinity'),
    ...touching(task, 'supervoxel', outer),
  })
  return produce(deps, config, order, async put => {
    // Where the region has failed for good: its supervoxels without affinity to each other, for neighbours name them.
    const volume = await readVolume(deps, { context }, refs(task, 'supervoxel'), segmentationVolume, outer)
    const affinity = await readStage(deps, task, 'affinity', outer)
    const { labels, ids } = await deps.compute(compactIds, [moved(volume)])
    const g = await deps.compute(regionGraph, [
      { labels: moved(labels), ids, affinity: moved(affinity), shape: shapeOf(outer), low: lowSides(outer, box) },
    ])
    await put('edges.bin', arrays(g.edges))
    await put('nodes.bin', arrays(g.nodes))
    return { voxels: voxels(box), summary: { supervoxels: g.nodes.id.length, edges: g.edges.a.length } }
  })
}
