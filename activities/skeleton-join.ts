// skeleton-join: one skeleton per segment from the pieces of all regions, in shards.
import type { Outcome } from '../domain/contract.ts'
import type { DatasetTask } from '../domain/tasks.ts'
import { decodeSkeleton, encodeSkeleton, skeletonInfo } from '../storage/formats/skeleton.ts'
import type { Deps } from './context.ts'
import { joinSegments } from './join.ts'
import { refsBelow } from './pages.ts'
import { contents, ofDataset, produce } from './produce.ts'
import { configOf } from './source.ts'

export async function skeletonJoin(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const regions = await refsBelow(deps, [task.roots['products']!], 'skeleton')
  const order = ofDataset('skeleton-join', config.stages['skeleton-join'], contents('skeleton', regions))
  return produce(deps, config, order, async put => {
    const { sharding, segments } = await joinSegments(deps, regions, 'gzip', put, async pieces => {
      const parts = pieces.map(decodeSkeleton).map(({ positions, ...rest }) => ({ vertices: positions, ...rest }))
      const { vertices, ...rest } = await deps.compute('joinSkeletons', [parts])
      return { bytes: encodeSkeleton({ positions: vertices, ...rest }) }
    })
    await put('info', Buffer.from(JSON.stringify(skeletonInfo(sharding))))
    return { voxels: 0, summary: { skeletons: segments } }
  })
}
