// mesh, skeleton: the pieces of every segment in a region, which sees a voxel of its neighbours, packed into one object.
import type { RunConfig } from '../../domain/config.ts'
import type { Outcome } from '../../domain/contract/artifacts.ts'
import { shapeOf, voxels } from '../../domain/geometry.ts'
import type { CellTask } from '../../domain/contract/activities.ts'
import type { RegionLabels } from '../../kernels/surface-samples.ts'
import { encodeMesh } from '../../storage/formats/meshes/legacy.ts'
import { pack } from '../../storage/formats/pack.ts'
import { encodeSkeleton } from '../../storage/formats/skeleton.ts'
import { highSides, lowSides, readStage, regionBox, touching, seen } from '../cells.ts'
import { moved, type Deps } from '../context.ts'
import { ofRegion, produce, type Made } from '../produce.ts'
import { configFor } from '../documents.ts'
import { compactIds } from '../../kernels/segmentation/compact-ids.ts'
import { fragmentAt, meshRegion } from '../../kernels/mesh.ts'
import { skeletonAt, skeletonRegion } from '../../kernels/skeleton/skeleton.ts'

interface Pieces {
  /** By segment id. */
  readonly entries: readonly { readonly key: string; readonly bytes: Uint8Array }[]
  readonly summary?: Made['summary']
}

async function pieces<S extends 'mesh' | 'skeleton'>(
  deps: Deps,
  task: CellTask,
  stage: S,
  make: (region: RegionLabels & { params: RunConfig['stages'][S] }) => Promise<Pieces>,
): Promise<Outcome> {
  const { voxelSizeNm } = task.context
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const outer = seen(task, stage, 'segment')
  const params = config.stages[stage]
  const order = ofRegion(stage, task, { ...params, voxelSizeNm }, touching(task, 'segment', outer))
  return produce(deps, config, order, async put => {
    const volume = await readStage(deps, task, 'segment', outer)
    const { labels, ids } = await deps.compute(compactIds, [moved(volume)])
    const [low, high] = [lowSides(outer, box), highSides(outer, box)]
    const region = {
      labels: moved(labels),
      ids,
      shape: shapeOf(outer),
      origin: outer.min,
      voxelSizeNm,
      low,
      high,
      params,
    }
    const { entries, summary } = await make(region)
    const { data, index } = pack(entries)
    await put('pack.data', data)
    await put('pack.index', index)
    return { voxels: voxels(box), summary: { segments: entries.length, ...summary } }
  })
}

export const mesh = (deps: Deps, task: CellTask): Promise<Outcome> =>
  pieces(deps, task, 'mesh', async region => {
    const made = await deps.compute(meshRegion, [region])
    const entries = Array.from(made.ids, (id, i) => ({ key: String(id), bytes: encodeMesh(fragmentAt(made, i)) }))
    return { entries, summary: { triangles: made.triangles.length / 3 } }
  })

export const skeleton = (deps: Deps, task: CellTask): Promise<Outcome> =>
  pieces(deps, task, 'skeleton', async region => {
    const made = await deps.compute(skeletonRegion, [region])
    const entries = Array.from(made.ids, (id, i) => {
      const { vertices, edges, radii } = skeletonAt(made, i)
      return { key: String(id), bytes: encodeSkeleton({ positions: vertices, edges, radii }) }
    })
    return { entries }
  })
