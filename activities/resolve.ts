// resolve: from the root of the tree down, the segment of every cluster that a child of the node left open.
import type { Outcome } from '../domain/contract.ts'
import { fromKey, key, voxels } from '../domain/geometry.ts'
import type { ArtifactRef, Source } from '../domain/lineage.ts'
import type { CellTask } from '../domain/tasks.ts'
import { nodeBox, nodeKey, childrenOf } from '../domain/tree.ts'
import type { Merges, Nodes } from '../kernels/segmentation-types.ts'
import { arrays, readArrays } from './agglomerate.ts'
import { refs } from './cells.ts'
import type { Deps } from './context.ts'
import { contents, ofNode, produce } from './produce.ts'
import { configFor } from './source.ts'

/** One file per child, so that a child whose clusters ended as before is left alone by changes elsewhere. */
export const sliceFile = (child: string): string => `${child}.bin`

/** What a parent says to one child, as an input. */
export async function slice(deps: Deps, of: ArtifactRef, child: string): Promise<Source> {
  const { outputs } = await deps.artifacts.open(of)
  const { path, sha256 } = outputs.find(o => o.path === sliceFile(child))!
  return { of, path, sha256 }
}

export async function resolve(deps: Deps, task: CellTask): Promise<Outcome> {
  const { bounds, region } = task.context
  const config = await configFor(deps, task)
  const node = { level: task.level, coord: fromKey(task.cell) }
  const merged = refs(task, 'agglomerate')
  const parent = Object.values(task.refs['resolve'] ?? {})[0]
  const order = ofNode('resolve', task, config.stages.resolve, {
    ...contents('agglomerate', merged),
    ...(parent ? { resolve: await slice(deps, parent, task.cell) } : {}),
  })
  return produce(deps, config, order, async put => {
    const path = [await readArrays<Merges>(deps, merged[nodeKey(node)]!, 'merges.bin')]
    if (parent) path.push(await readArrays<Merges>(deps, parent, sliceFile(task.cell)))
    for (const child of childrenOf(node, region, bounds)) {
      const { id } = await readArrays<Nodes>(deps, merged[nodeKey(child)]!, 'nodes.bin')
      const table = await deps.compute('mergeTableSlice', [{ ids: id.slice().sort(), path }])
      await put(sliceFile(key(child.coord)), arrays(table))
    }
    return { voxels: voxels(nodeBox(node, region, bounds)) }
  })
}
