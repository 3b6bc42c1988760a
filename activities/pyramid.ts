// pyramid, label-pyramid: a mip per level of the region tree, each node from its children, in both layouts.
import type { Outcome } from '../domain/contract.ts'
import { fromKey, intersect, map3, boxAt, multiply, shapeOf, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import type { CellTask } from '../domain/tasks.ts'
import { mipBounds, mipFactor, nodeBox } from '../domain/tree.ts'
import type { VolumeArray } from '../storage/formats/chunk.ts'
import { encodeChunks, readBox } from '../storage/formats/volume.ts'
import { zarrChunks } from '../storage/formats/zarr.ts'
import { emVolume, refs, segmentationVolume } from './cells.ts'
import type { Deps } from './context.ts'
import { contents, produce } from './produce.ts'
import { configFor } from './source.ts'

type Stage = 'pyramid' | 'label-pyramid'

export const pyramid = (deps: Deps, task: CellTask): Promise<Outcome> => level(deps, task, 'pyramid')
export const labelPyramid = (deps: Deps, task: CellTask): Promise<Outcome> => level(deps, task, 'label-pyramid')

/** Shape, in voxels of its own mip, of the box that a node of `level` owns. */
export const mipCell = (level: number, region: Vec3, factor: Vec3): Vec3 =>
  map3(a => (region[a] * 2 ** level) / factor[a])

async function level(deps: Deps, task: CellTask, stage: Stage): Promise<Outcome> {
  const { bounds, region, voxelSizeNm } = task.context
  const config = await configFor(deps, task)
  const base = stage === 'pyramid' ? ('render' as const) : ('segment' as const)
  const volume = stage === 'pyramid' ? emVolume : segmentationVolume
  const node = { level: task.level, coord: fromKey(task.cell) }
  // Leaves hold mip 0 of the analysis layout; the proofreading layout has its mip 0 in the artifacts of the regions.
  const sourceMip = Math.max(0, task.level - 1)
  const fromRegions = task.level <= 1
  const from = refs(task, fromRegions ? base : stage)
  const factors = [sourceMip, task.level].map(l => mipFactor(l, voxelSizeNm)) as [Vec3, Vec3]
  const own = intersect(
    boxAt(multiply(node.coord, mipCell(task.level, region, factors[1])), mipCell(task.level, region, factors[1])),
    mipBounds(bounds, factors[1]),
  )
  const step: Vec3 = map3(a => factors[1][a] / factors[0][a])
  return produce(
    deps,
    config,
    {
      stage,
      key: `${task.level}/${task.cell}`,
      parameters: { ...config.stages[stage], factor: factors[1] },
      inputs: contents(fromRegions ? base : stage, from),
      extent: { node: task.cell, level: task.level },
    },
    async put => {
      const sourceBounds = mipBounds(bounds, factors[0])
      const source: Box = intersect({ min: multiply(own.min, step), max: multiply(own.max, step) }, sourceBounds)
      const { data } = await readBox(deps.artifacts, {
        artifacts: cell => from[fromRegions ? cell.join('_') : `${sourceMip}/${cell.join('_')}`],
        regionShape: mipCell(sourceMip, region, factors[0]),
        bounds: sourceBounds,
        box: source,
        mip: sourceMip,
        ...volume,
      })
      let here: VolumeArray = data
      if (task.level > 0) {
        const made =
          stage === 'pyramid'
            ? await deps.compute('downsampleMean', [data as Uint8Array, shapeOf(source), step])
            : await deps.compute('downsampleMode', [data as BigUint64Array, shapeOf(source), step])
        here = made.data as VolumeArray
        for (const c of encodeChunks(here, own, { mip: task.level, encoding: volume.encoding }))
          await put(c.path, c.bytes)
      }
      for (const c of zarrChunks(here, own, { mip: task.level, bounds: mipBounds(bounds, factors[1]) }))
        await put(`zarr/${c.path}`, c.bytes)
      return { voxels: voxels(nodeBox(node, region, bounds)) }
    },
  )
}
