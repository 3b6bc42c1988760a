// mesh: fragments of every segment's surface in a region, packed into one object.
import type { Outcome } from '../domain/contract.ts'
import { shapeOf, voxels } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import { encodeMesh } from '../storage/formats/meshes/legacy.ts'
import { pack } from '../storage/formats/pack.ts'
import { readVolume, refs, regionBox, segmentationVolume, touching } from './cells.ts'
import type { Deps } from './context.ts'
import { highSides, lowSides, withMargins } from './margins.ts'
import { produce, type Put } from './produce.ts'
import { configFor } from './source.ts'

export async function putPack(put: Put, entries: Iterable<{ key: string; bytes: Uint8Array }>): Promise<void> {
  const { data, index } = pack(entries)
  await put('pack.data', data)
  await put('pack.index', index)
}

export async function mesh(deps: Deps, task: CellTask): Promise<Outcome> {
  const { bounds, voxelSizeNm } = task.context
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const outer = withMargins(box, 1, 1, bounds)
  const params = config.stages.mesh
  return produce(
    deps,
    config,
    {
      stage: 'mesh',
      key: task.cell,
      parameters: { ...params, voxelSizeNm },
      inputs: touching(task, 'segment', outer),
      extent: box,
    },
    async put => {
      const volume = await readVolume(deps, task, refs(task, 'segment'), segmentationVolume, outer)
      const { labels, ids } = await deps.compute('compactIds', [volume])
      const made = await deps.compute('meshRegion', [
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
      const entries = Array.from(made.ids, (id, i) => ({
        key: String(id),
        bytes: encodeMesh({
          positions: made.positions.subarray(3 * made.vertexStart[i]!, 3 * made.vertexStart[i + 1]!),
          triangles: made.triangles.subarray(3 * made.triangleStart[i]!, 3 * made.triangleStart[i + 1]!),
        }),
      }))
      await putPack(put, entries)
      return { voxels: voxels(box), summary: { segments: entries.length, triangles: made.triangles.length / 3 } }
    },
  )
}
