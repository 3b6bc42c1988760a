// resolve, merge-table, segment: from the root of the tree down to the voxels, the segment of every cluster.
import type { Outcome } from '../../domain/contract/artifacts.ts'
import { fromKey, key, voxels } from '../../domain/geometry.ts'
import type { CellTask } from '../../domain/contract/activities.ts'
import { childrenOf } from '../../domain/index/grid.ts'
import { nodeBox, nodeKey } from '../../domain/index/tree.ts'
import type { Merges, Nodes } from '../../kernels/segmentation/segmentation-types.ts'
import { arrays, readArrays } from './agglomerate.ts'
import { own, putVolume, readStage, readVolume, refs, regionBox, segmentationVolume } from '../cells.ts'
import { moved, type Deps } from '../context.ts'
import { contents, ofNode, ofRegion, partOf, produce } from '../produce.ts'
import { configFor } from '../documents.ts'
import { countIds, mapIds } from '../../kernels/segmentation/compact-ids.ts'
import { mergeTableSlice } from '../../kernels/segmentation/relabel.ts'
import { release } from '../../storage/formats/pool.ts'

/** One file per child, so that a child whose clusters ended as before is left alone by changes elsewhere. */
const sliceFile = (child: string): string => `${child}.bin`

/** Of the clusters that the children of a node left open. */
export async function resolve(deps: Deps, task: CellTask): Promise<Outcome> {
  const { bounds, region } = task.context
  const config = await configFor(deps, task)
  const node = { level: task.level, coord: fromKey(task.cell) }
  const merged = refs(task, 'agglomerate')
  const parent = Object.values(task.refs['resolve'] ?? {})[0]
  const order = ofNode('resolve', task, config.stages.resolve, {
    ...contents('agglomerate', merged),
    ...(parent ? { resolve: await partOf(deps, parent, sliceFile(task.cell)) } : {}),
  })
  return produce(deps, config, order, async put => {
    const path = [await readArrays<Merges>(deps, merged[nodeKey(node)]!, 'merges.bin')]
    if (parent) path.push(await readArrays<Merges>(deps, parent, sliceFile(task.cell)))
    for (const child of childrenOf(node, region, bounds)) {
      const { id } = await readArrays<Nodes>(deps, merged[nodeKey(child)]!, 'nodes.bin')
      const table = await deps.compute(mergeTableSlice, [{ ids: id.slice().sort(), path }])
      await put(sliceFile(key(child.coord)), arrays(table))
    }
    return { voxels: voxels(nodeBox(node, region, bounds)) }
  })
}

/** Of every supervoxel of a region, from its own merges and what the tree says of its open clusters. Its content, not the tree, enters the recipe of `segment`: a region whose slice is unchanged is not written again. */
export async function mergeTable(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const leaf = refs(task, 'agglomerate')[`0/${task.cell}`]!
  const parent = Object.values(task.refs['resolve'] ?? {})[0]
  const order = ofRegion('merge-table', task, config.stages['merge-table'], {
    supervoxel: own(task, 'supervoxel'),
    agglomerate: leaf,
    ...(parent ? { resolve: await partOf(deps, parent, sliceFile(task.cell)) } : {}),
  })
  return produce(deps, config, order, async put => {
    const { ids } = await deps.compute(countIds, [moved(await readStage(deps, task, 'supervoxel', box))])
    const path = [await readArrays<Merges>(deps, leaf, 'merges.bin')]
    if (parent) path.push(await readArrays<Merges>(deps, parent, sliceFile(task.cell)))
    const table = await deps.compute(mergeTableSlice, [{ ids: ids.filter(id => id !== 0n), path }])
    await put('table.bin', arrays(table))
    return { voxels: voxels(box), summary: { supervoxels: table.from.length } }
  })
}

/** The region's supervoxels under their segment ids. */
export async function segment(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const supervoxels = own(task, 'supervoxel')
  const table = own(task, 'merge-table')
  const order = ofRegion('segment', task, config.stages.segment, { supervoxel: supervoxels, 'merge-table': table })
  return produce(deps, config, order, async put => {
    const { from, to } = await readArrays<Merges>(deps, table, 'table.bin')
    // A region whose table is a hole has no segments.
    const { lineage } = await deps.artifacts.open(table)
    const isHole = ((lineage.summary['holes'] ?? []) as readonly unknown[]).length > 0
    const labels = await readVolume(deps, task, isHole ? {} : refs(task, 'supervoxel'), segmentationVolume, box)
    const mapped = await deps.compute(mapIds, [moved(labels), from, to])
    await putVolume(put, mapped, box, segmentationVolume)
    release(mapped.buffer)
    return { voxels: voxels(box), summary: { segments: new Set(to).size } }
  })
}
