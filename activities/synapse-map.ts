// synapse-map: cleft and vesicle maps of a region, block by block.
import type { Outcome } from '../domain/contract.ts'
import { canonicalJson } from '../domain/canonical.ts'
import { shapeOf, subtract, translate, voxels } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import { encodeChunks } from '../storage/formats/volume.ts'
import { synapseMapHalo } from '../kernels/index.ts'
import {
  blocksOf,
  eachBlock,
  emVolume,
  halo,
  mapVolume,
  paste,
  readVolume,
  refs,
  regionBox,
  touching,
} from './cells.ts'
import type { Deps } from './context.ts'
import { produce } from './produce.ts'
import { configFor } from './source.ts'

const { channels } = mapVolume

export async function synapseMap(deps: Deps, task: CellTask): Promise<Outcome> {
  const { bounds } = task.context
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const params = config.stages['synapse-map']
  return produce(
    deps,
    config,
    {
      stage: 'synapse-map',
      key: task.cell,
      parameters: { ...params, block: config.grid.block },
      inputs: touching(task, 'render', halo(box, synapseMapHalo, bounds)),
      extent: box,
    },
    async put => {
      const out = new Uint8Array(channels * voxels(box))
      const holes = await eachBlock('synapse-map', blocksOf(box, config, bounds), async block => {
        const outer = halo(block.box, synapseMapHalo, bounds)
        const em = await readVolume(deps, task, refs(task, 'render'), emVolume, outer)
        const core = translate(block.box, subtract([0, 0, 0], outer.min))
        const { cleft, vesicles } = await deps.compute('synapseMap', [{ em, shape: shapeOf(outer), core, params }])
        const both = new Uint8Array(channels * cleft.length)
        both.set(cleft)
        both.set(vesicles, cleft.length)
        paste(both, block.box, out, box, channels)
      })
      for (const chunk of encodeChunks(out, box, { mip: 0, encoding: 'raw', channels }))
        await put(chunk.path, chunk.bytes)
      await put('holes.json', Buffer.from(canonicalJson(holes as never)))
      return { voxels: voxels(box), holes }
    },
  )
}
