// pyramid, label-pyramid: a mip per level of the region tree, each node from its children, in both layouts for readers.
import type { Json } from '../../domain/canonical.ts'
import type { Outcome } from '../../domain/contract/artifacts.ts'
import {
  fromKey,
  intersect,
  map3,
  boxAt,
  multiply,
  shapeOf,
  voxels,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import { layoutOf, stages, type StageName } from '../../domain/stages.ts'
import type { CellTask } from '../../domain/contract/activities.ts'
import { mipBounds, mipCell, mipFactor, nodeBox } from '../../domain/index/tree.ts'
import type { VolumeArray } from '../../storage/formats/chunk.ts'
import { layoutObjects, readShards } from '../../storage/formats/layouts.ts'
import { release } from '../../storage/formats/pool.ts'
import type { MipLayout } from '../../storage/formats/precomputed/shard-grid.ts'
import { readVolume, refs } from '../cells.ts'
import { moved, type Deps } from '../context.ts'
import { contents, ofNode, produce } from '../produce.ts'
import { configFor } from '../documents.ts'
import { downsampleMean, downsampleMode } from '../../kernels/downsample.ts'

/** The activity of a stage that makes a layer of a volume. */
export const pyramidOf = (stage: StageName) => (deps: Deps, task: CellTask) => level(deps, task, stage)

export const pyramid = pyramidOf('pyramid')
export const labelPyramid = pyramidOf('label-pyramid')

async function level(deps: Deps, task: CellTask, stage: StageName): Promise<Outcome> {
  const { bounds, region, voxelSizeNm } = task.context
  const config = await configFor(deps, task)
  const { kind, regions } = stages[stage].layers!.find(l => 'regions' in l)!
  const base = regions as StageName
  const volume = stages[base].volume!
  const node = { level: task.level, coord: fromKey(task.cell) }
  const sourceMip = Math.max(0, task.level - 1)
  const fromRegions = task.level <= 1
  const from = refs(task, fromRegions ? base : stage)
  const factors = [sourceMip, task.level].map(l => mipFactor(l, voxelSizeNm)) as [Vec3, Vec3]
  const own = intersect(
    boxAt(multiply(node.coord, mipCell(task.level, region, factors[1])), mipCell(task.level, region, factors[1])),
    mipBounds(bounds, factors[1]),
  )
  const step: Vec3 = map3(a => factors[1][a] / factors[0][a])
  const order = ofNode(
    stage,
    task,
    // The grids of chunks and of shards follow from the bounds and the shape of the regions.
    {
      ...layoutOf(config, stage),
      factor: factors[1],
      factorBelow: factors[0],
      bounds: bounds as unknown as Json,
      region,
    },
    contents(fromRegions ? base : stage, from),
  )
  return produce(deps, config, order, async put => {
    const { chunk, shard, ...more } = layoutOf(config, stage)
    const encoding = 'encoding' in more ? more.encoding : volume.encoding
    const layout = (mip: number, factor: Vec3): MipLayout => ({
      mip,
      bounds: mipBounds(bounds, factor),
      cell: mipCell(mip, region, factor),
      chunk,
      shard,
      encoding,
    })
    const below = layout(sourceMip, factors[0])
    const source: Box = intersect({ min: multiply(own.min, step), max: multiply(own.max, step) }, below.bounds)
    const data: VolumeArray = fromRegions
      ? await readVolume(deps, task, from, volume, source)
      : await readShards(deps.artifacts, below, cell => from[`${sourceMip}/${cell.join('_')}`], source, volume.dtype)
    let here: VolumeArray = data
    if (task.level > 0) {
      const made =
        kind === 'image'
          ? await deps.compute(downsampleMean, [moved(data as Uint8Array), shapeOf(source), step])
          : await deps.compute(downsampleMode, [moved(data as BigUint64Array), shapeOf(source), step])
      here = made.data as VolumeArray
    }
    for await (const o of layoutObjects(here, own, layout(task.level, factors[1]))) await put(o.path, o.bytes)
    release(here.buffer)
    return { voxels: voxels(nodeBox(node, region, bounds)) }
  })
}
