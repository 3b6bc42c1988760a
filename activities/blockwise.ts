// affinity, synapse-map, supervoxel: a volume of a region made block by block, each block with its halo in, its core out.
import type { RunConfig } from '../domain/config.ts'
import type { Outcome } from '../domain/contract.ts'
import { shapeOf, subtract, translate, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import { synapseMapHalo } from '../kernels/index.ts'
import { newVolume, type DataType, type VolumeArray } from '../storage/formats/chunk.ts'
import { copyOverlap } from '../storage/formats/volume.ts'
import {
  affinityVolume,
  blocksOf,
  eachBlock,
  emVolume,
  halo,
  mapVolume,
  putVolume,
  readVolume,
  refs,
  regionBox,
  segmentationVolume,
  touching,
  type VolumeOf,
} from './cells.ts'
import type { Deps } from './context.ts'
import { readModel } from './model.ts'
import { json, ofRegion, produce, type Made, type Order, type Put } from './produce.ts'
import { configFor } from './documents.ts'

interface Mapping<D extends DataType> {
  readonly stage: 'affinity' | 'synapse-map' | 'supervoxel'
  readonly config: RunConfig
  /** The stage that is read, its volume, and how many voxels of it are seen around a block. */
  readonly from: 'render' | 'affinity'
  readonly source: VolumeOf<'uint8'>
  readonly margin: number
  readonly target: VolumeOf<D>
}

/** What is read of `shape`, x fastest; `core` is the box in it that is wanted, of the block at `coord`. */
interface Surroundings {
  readonly data: Uint8Array
  readonly shape: Vec3
  readonly core: Box
  readonly coord: Vec3
}

const orderOf = <D extends DataType>(task: CellTask, { stage, config, from, margin }: Mapping<D>): Order =>
  ofRegion(
    stage,
    task,
    { ...config.stages[stage], block: config.grid.block },
    touching(task, from, halo(regionBox(task), margin, task.context.bounds)),
  )

/** Writes the volume of a region; `map` returns the channels of a core one after the other. Poisoned blocks are holes. */
async function putBlocks<D extends DataType>(
  deps: Deps,
  task: CellTask,
  put: Put,
  { stage, config, from, source, margin, target }: Mapping<D>,
  map: (around: Surroundings) => Promise<VolumeArray<D>>,
): Promise<Made> {
  const { bounds } = task.context
  const box = regionBox(task)
  const { channels = 1 } = target
  const out = newVolume(target.dtype, channels * voxels(box))
  const holes = await eachBlock(stage, blocksOf(box, config, bounds), async block => {
    const outer = halo(block.box, margin, bounds)
    const data = await readVolume(deps, task, refs(task, from), source, outer)
    const core = translate(block.box, subtract([0, 0, 0], outer.min))
    copyOverlap(await map({ data, shape: shapeOf(outer), core, coord: block.coord }), block.box, out, box, channels)
  })
  await putVolume(put, out, box, target)
  await put('holes.json', json(holes))
  return { voxels: voxels(box), holes }
}

/** EM through the model. */
export async function affinity(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const { file, digest, multipleOf } = await readModel(config.model, task.context.voxelSizeNm)
  const margin = config.stages.affinity.halo
  const { channels } = affinityVolume
  const how = { stage: 'affinity', config, from: 'render', source: emVolume, margin, target: affinityVolume } as const
  return produce(deps, config, { ...orderOf(task, how), model: digest }, put =>
    putBlocks(deps, task, put, how, ({ data: em, shape, core }) =>
      deps.infer({ model: file, digest, em, shape, core, channels, multipleOf }),
    ),
  )
}

/** Cleft and vesicle maps. */
export async function synapseMap(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const params = config.stages['synapse-map']
  const margin = synapseMapHalo
  const how = { stage: 'synapse-map', config, from: 'render', source: emVolume, margin, target: mapVolume } as const
  return produce(deps, config, orderOf(task, how), put =>
    putBlocks(deps, task, put, how, async ({ data: em, shape, core }) => {
      const { cleft, vesicles } = await deps.compute('synapseMap', [{ em, shape, core, params }])
      const both = new Uint8Array(2 * cleft.length)
      both.set(cleft)
      both.set(vesicles, cleft.length)
      return both
    }),
  )
}

/** Watershed of affinities. */
export async function supervoxel(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const { halo: margin, ...params } = config.stages.supervoxel
  const [source, target] = [affinityVolume, segmentationVolume]
  const how = { stage: 'supervoxel', config, from: 'affinity', source, margin, target } as const
  return produce(deps, config, orderOf(task, how), async put => {
    let count = 0
    const made = await putBlocks(deps, task, put, how, async ({ data: affinity, shape, core, coord }) => {
      const found = await deps.compute('watershed', [{ affinity, shape, core, params }])
      const ids = await deps.compute('globalIds', [coord, found.count])
      const labels = await deps.compute('relabelVolume', [found.labels, ids])
      count += found.count
      return labels
    })
    return { ...made, summary: { supervoxels: count } }
  })
}
