// skeleton-join: one skeleton per segment from the pieces of all regions.
import type { Outcome } from '../domain/contract.ts'
import type { DatasetTask } from '../domain/tasks.ts'
import { packIndex, unpack } from '../storage/formats/pack.ts'
import { decodeSkeleton, encodeSkeleton, type Skeleton } from '../storage/formats/skeleton.ts'
import type { Deps } from './context.ts'
import { refsBelow } from './pages.ts'
import { putPack } from './mesh.ts'
import { progress } from './meter.ts'
import { contents, produce } from './produce.ts'
import { configOf } from './source.ts'

export async function skeletonJoin(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const regions = await refsBelow(deps, [task.roots['products']!], 'skeleton')
  return produce(
    deps,
    config,
    {
      stage: 'skeleton-join',
      key: 'all',
      parameters: config.stages['skeleton-join'],
      inputs: contents('skeleton', regions),
      extent: 'dataset',
    },
    async put => {
      const pieces = new Map<string, Skeleton[]>()
      for (const ref of Object.values(regions)) {
        const reader = await deps.artifacts.open(ref)
        for (const { key, bytes } of unpack(await reader.get('pack.data'), packIndex(await reader.get('pack.index')))) {
          const known = pieces.get(key) ?? []
          known.push(decodeSkeleton(bytes))
          pieces.set(key, known)
        }
      }
      const entries: { key: string; bytes: Uint8Array }[] = []
      for (const [key, parts] of pieces) {
        const shaped = parts.map(({ positions, ...rest }) => ({ vertices: positions, ...rest }))
        const { vertices, ...rest } = await deps.compute('joinSkeletons', [shaped])
        entries.push({ key, bytes: encodeSkeleton({ positions: vertices, ...rest }) })
        progress(entries.length, pieces.size)
      }
      await putPack(put, entries)
      return { voxels: 0, summary: { skeletons: entries.length } }
    },
  )
}
