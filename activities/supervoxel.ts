// supervoxel: watershed of each block and its halo of affinities.
import type { Outcome } from '../domain/contract.ts'
import { shapeOf, subtract, translate, voxels } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import { encodeChunks } from '../storage/formats/volume.ts'
import {
  affinityVolume,
  blocksOf,
  eachBlock,
  halo,
  paste,
  readVolume,
  refs,
  regionBox,
  segmentationVolume,
  touching,
} from './cells.ts'
import type { Deps } from './context.ts'
import { json, ofRegion, produce } from './produce.ts'
import { configFor } from './source.ts'

export async function supervoxel(deps: Deps, task: CellTask): Promise<Outcome> {
  const { bounds } = task.context
  const config = await configFor(deps, task)
  const { halo: margin, ...params } = config.stages.supervoxel
  const box = regionBox(task)
  const order = ofRegion(
    'supervoxel',
    task,
    { ...config.stages.supervoxel, block: config.grid.block },
    touching(task, 'affinity', halo(box, margin, bounds)),
  )
  return produce(deps, config, order, async put => {
    const out = new BigUint64Array(voxels(box))
    let count = 0
    const holes = await eachBlock('supervoxel', blocksOf(box, config, bounds), async block => {
      const outer = halo(block.box, margin, bounds)
      const affinity = await readVolume(deps, task, refs(task, 'affinity'), affinityVolume, outer)
      const core = translate(block.box, subtract([0, 0, 0], outer.min))
      const made = await deps.compute('watershed', [{ affinity, shape: shapeOf(outer), core, params }])
      const ids = await deps.compute('globalIds', [block.coord, made.count])
      const labels = await deps.compute('relabelVolume', [made.labels, ids])
      paste(labels, block.box, out, box)
      count += made.count
    })
    for (const chunk of encodeChunks(out, box, { mip: 0, encoding: segmentationVolume.encoding }))
      await put(chunk.path, chunk.bytes)
    await put('holes.json', json(holes))
    return { voxels: voxels(box), summary: { supervoxels: count }, holes }
  })
}
