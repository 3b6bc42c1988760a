// affinity, synapse-map, supervoxel, and whatever else goes through a model: a volume of a region made block by block, each block with its halo in, its core out.
import type { RunConfig } from '../domain/config.ts'
import type { Outcome } from '../domain/contract/artifacts.ts'
import { HillockError } from '../domain/errors.ts'
import { cellBox, shapeOf, subtract, translate, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import { haloOf, parseInput } from '../domain/index/reads.ts'
import { blockOf, modelOf } from '../domain/models.ts'
import { stages, type StageName } from '../domain/stages.ts'
import type { CellTask } from '../domain/contract/activities.ts'
import type { DataType, VolumeArray } from '../storage/formats/chunk.ts'
import { pooledVolume, release } from '../storage/formats/pool.ts'
import { chunkPaths, copyOverlap } from '../storage/formats/volume.ts'
import {
  halo,
  mapVolume,
  putVolume,
  readStage,
  readVolume,
  refs,
  regionBox,
  seen,
  segmentationVolume,
  touching,
  type VolumeOf,
} from './cells.ts'
import { moved, type Deps, type Flips } from './context.ts'
import { modelInUse, request } from './model.ts'
import { eachPart, partsOf, type Block } from './parts.ts'
import { json, ofRegion, produce, type Made, type Order, type Outputs, type Put } from './produce.ts'
import { configFor } from './documents.ts'
import { globalIds, relabelVolume } from '../kernels/segmentation/relabel.ts'
import { synapseMap as clefts } from '../kernels/synapse/map.ts'
import { voidMask } from '../kernels/segmentation/void.ts'
import { watershed } from '../kernels/segmentation/watershed.ts'

interface Mapping<D extends DataType> {
  readonly stage: StageName
  readonly config: RunConfig
  /** The stage whose volume is read, and how many voxels of it are seen around a block. */
  readonly from: StageName
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

const orderOf = <D extends DataType>(
  task: CellTask,
  { stage, config, from, margin }: Mapping<D>,
  parameters: Order['parameters'],
): Order =>
  ofRegion(
    stage,
    task,
    { ...parameters, block: blockOf(config, stage) },
    touching(task, from, halo(regionBox(task), margin, task.context.bounds)),
  )

/** What `map` makes of a block: its channels one after the other, and what it has counted. */
interface Mapped<D extends DataType> {
  readonly data: VolumeArray<D>
  readonly count: number
}

/** Writes the volume of a region; `map` returns a core. Poisoned blocks are holes. */
async function putBlocks<D extends DataType>(
  deps: Deps,
  task: CellTask,
  put: Put,
  outputs: Outputs,
  { stage, config, from, margin, target }: Mapping<D>,
  map: (around: Surroundings) => Promise<Mapped<D>>,
): Promise<Made & { readonly count: number }> {
  const { bounds } = task.context
  const box = regionBox(task)
  const { channels = 1 } = target
  const source = stages[from].volume as VolumeOf<'uint8'>
  const mapped = async ({ box: own, coord }: Block, read: (outer: Box) => Promise<Uint8Array>): Promise<Mapped<D>> => {
    const outer = halo(own, margin, bounds)
    const core = translate(own, subtract([0, 0, 0], outer.min))
    return map({ data: await read(outer), shape: shapeOf(outer), core, coord })
  }
  const { holes, count } = await eachPart(stage, partsOf(box, blockOf(config, stage), bounds), outputs, {
    begin: part => pooledVolume(target.dtype, channels * voxels(part.box), true),
    async make(block, volume, part) {
      const made = await mapped(block, outer => readVolume(deps, task, refs(task, from), source, outer))
      copyOverlap(made.data, block.box, volume, part.box, channels)
      return made.count
    },
    control: block => mapped(block, async outer => new Uint8Array((source.channels ?? 1) * voxels(outer)).fill(128)),
    paths: part => chunkPaths(part.box, 0),
    async put(part, volume) {
      await putVolume(put, volume, part.box, target)
      release(volume.buffer)
    },
  })
  await put('holes.json', json(holes))
  return { voxels: voxels(box), holes, count }
}

/** The mirror images that the parameters of a stage ask for; a stage without the key, or with none, has the recipes that it always had. */
function flipsOf(stage: StageName, config: RunConfig): Flips | undefined {
  const { augment, combine } = config.stages[stage] as Partial<RunConfig['stages']['affinity']>
  if (!augment || augment === 'none') return undefined
  const offsets = stages[stage].model!.offsetsZYX!.map(([z, y, x]): Vec3 => [x, y, z])
  return { images: augment, combine: combine!, offsets }
}

/** What a stage reads, through the model of its role: the first channels of what that gives. */
export const throughModel =
  (stage: StageName) =>
  async (deps: Deps, task: CellTask): Promise<Outcome> => {
    const config = await configFor(deps, task)
    const model = modelOf(task.context, stage)
    if (!model?.sample)
      throw new HillockError('ModelMismatch', `the run was started without a model for ${stage} that was tried`)
    const { inputs, volume } = stages[stage]
    const from = parseInput(inputs[0]!).stage
    // A row without a parameter for it leaves the halo to the card of the model, and so does a model that crops its output.
    const margin = model.halo ?? haloOf(stage, from, config.stages[stage])[0]
    const target = volume as VolumeOf<'uint8'>
    const how = { stage, config, from, margin, target }
    // Padding and the way of computing change bytes as the file does.
    const { digest, multipleOf, sample } = model
    const flips = flipsOf(stage, config)
    const mirrored = flips && { augment: flips.images, combine: flips.combine }
    const order = orderOf(task, how, { halo: margin, multipleOf, sample, ...mirrored })
    return produce(deps, config, { ...order, model: digest }, async (put, outputs) => {
      await modelInUse(deps, model)
      return putBlocks(deps, task, put, outputs, how, async ({ data: em, shape, core }) => ({
        data: await deps.infer({
          ...request(deps, model, em, shape, core, target.channels ?? 1),
          ...(flips && { flips }),
        }),
        count: 0,
      }))
    })
  }

export const affinity = throughModel('affinity')
const synapseModel = throughModel('synapse-map')

/** Cleft and vesicle maps: those of a model, where the run names one. */
export async function synapseMap(deps: Deps, task: CellTask): Promise<Outcome> {
  if (modelOf(task.context, 'synapse-map')) return synapseModel(deps, task)
  const config = await configFor(deps, task)
  const params = config.stages['synapse-map']
  const [margin] = haloOf('synapse-map', 'render')
  const how = { stage: 'synapse-map', config, from: 'render', margin, target: mapVolume } as const
  return produce(deps, config, orderOf(task, how, params), (put, outputs) =>
    putBlocks(deps, task, put, outputs, how, async ({ data: em, shape, core }) => {
      const { cleft, vesicles } = await deps.compute(clefts, [{ em: moved(em), shape, core, params }])
      const both = new Uint8Array(2 * cleft.length)
      both.set(cleft)
      both.set(vesicles, cleft.length)
      return { data: both, count: 0 }
    }),
  )
}

/** Watershed of affinities; black outside of the tissue is left 0. */
export async function supervoxel(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const { bounds } = task.context
  const { halo: around, bySection, flood, ...rest } = config.stages.supervoxel
  // Recipes of before are those without.
  const params = { ...rest, ...(bySection && { bySection }), ...(flood !== 'mean' && { flood }) }
  const [margin] = haloOf('supervoxel', 'affinity', config.stages.supervoxel)
  const [beyond] = haloOf('supervoxel', 'render')
  const how = { stage: 'supervoxel', config, from: 'affinity', margin, target: segmentationVolume } as const
  const order = orderOf(task, how, { halo: around, ...params })
  const inputs = { ...order.inputs, ...touching(task, 'render', seen(task, 'supervoxel', 'render')) }
  const empty = async (coord: Vec3): Promise<Uint8Array | null> => {
    const own = cellBox(coord, config.grid.block, bounds)
    const outer = halo(own, beyond, bounds)
    const em = await readStage(deps, task, 'render', outer)
    // Most EM has no black to speak of: then no kernel needs to look.
    if (!em.includes(0)) return null
    return deps.compute(voidMask, [moved(em), shapeOf(outer), translate(own, subtract([0, 0, 0], outer.min))])
  }
  return produce(deps, config, { ...order, inputs }, async (put, outputs) => {
    const made = await putBlocks(deps, task, put, outputs, how, async ({ data: affinity, shape, core, coord }) => {
      const of = { affinity: moved(affinity), shape, core, params, empty: await empty(coord) }
      const { labels, count } = await deps.compute(watershed, [of])
      const ids = await deps.compute(globalIds, [coord, count])
      return { data: await deps.compute(relabelVolume, [moved(labels), moved(ids)]), count }
    })
    return { ...made, summary: { supervoxels: made.count } }
  })
}
