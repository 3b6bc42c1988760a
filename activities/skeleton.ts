// skeleton: the pieces of every segment's skeleton in a region, which meet those of its neighbours on the faces.
import type { Outcome } from '../domain/contract.ts'
import type { CellTask } from '../domain/tasks.ts'
import { skeletonAt } from '../kernels/index.ts'
import { encodeSkeleton } from '../storage/formats/skeleton.ts'
import type { Deps } from './context.ts'
import { pieces } from './pieces.ts'

export const skeleton = (deps: Deps, task: CellTask): Promise<Outcome> =>
  pieces(deps, task, 'skeleton', async region => {
    const made = await deps.compute('skeletonRegion', [region])
    const entries = Array.from(made.ids, (id, i) => {
      const { vertices, edges, radii } = skeletonAt(made, i)
      return { key: String(id), bytes: encodeSkeleton({ positions: vertices, edges, radii }) }
    })
    return { entries }
  })
