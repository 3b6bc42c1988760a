// What the stages that map EM block by block share: each block with its halo in, its core out, poisoned blocks as holes.
import type { RunConfig } from '../domain/config.ts'
import { shapeOf, subtract, translate, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import type { StageName } from '../domain/stages.ts'
import type { CellTask } from '../domain/tasks.ts'
import { encodeChunks } from '../storage/formats/volume.ts'
import { blocksOf, eachBlock, emVolume, halo, paste, readVolume, refs, regionBox } from './cells.ts'
import type { Deps } from './context.ts'
import { json, type Made, type Put } from './produce.ts'

/** EM of `shape`, x fastest; `core` is the box in it that is wanted. */
interface Surroundings {
  readonly em: Uint8Array
  readonly shape: Vec3
  readonly core: Box
}

interface Mapping {
  readonly stage: StageName
  readonly config: RunConfig
  readonly channels: number
  /** Voxels of EM that are seen around a block. */
  readonly halo: number
}

/** Writes the maps of a region; `map` returns the channels of a core one after the other. */
export async function putMaps(
  deps: Deps,
  task: CellTask,
  put: Put,
  { stage, config, channels, halo: margin }: Mapping,
  map: (around: Surroundings) => Promise<Uint8Array>,
): Promise<Made> {
  const { bounds } = task.context
  const box = regionBox(task)
  const out = new Uint8Array(channels * voxels(box))
  const holes = await eachBlock(stage, blocksOf(box, config, bounds), async block => {
    const outer = halo(block.box, margin, bounds)
    const em = await readVolume(deps, task, refs(task, 'render'), emVolume, outer)
    const core = translate(block.box, subtract([0, 0, 0], outer.min))
    paste(await map({ em, shape: shapeOf(outer), core }), block.box, out, box, channels)
  })
  for (const chunk of encodeChunks(out, box, { mip: 0, encoding: 'raw', channels })) await put(chunk.path, chunk.bytes)
  await put('holes.json', json(holes))
  return { voxels: voxels(box), holes }
}
