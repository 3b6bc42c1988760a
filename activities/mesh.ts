// mesh: fragments of every segment's surface in a region.
import type { Outcome } from '../domain/contract.ts'
import type { CellTask } from '../domain/tasks.ts'
import { fragmentAt } from '../kernels/index.ts'
import { encodeMesh } from '../storage/formats/meshes/legacy.ts'
import type { Deps } from './context.ts'
import { pieces } from './pieces.ts'

export const mesh = (deps: Deps, task: CellTask): Promise<Outcome> =>
  pieces(deps, task, 'mesh', async region => {
    const made = await deps.compute('meshRegion', [region])
    const entries = Array.from(made.ids, (id, i) => ({ key: String(id), bytes: encodeMesh(fragmentAt(made, i)) }))
    return { entries, summary: { triangles: made.triangles.length / 3 } }
  })
