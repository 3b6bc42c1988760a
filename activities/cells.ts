// What the stages of regions share: their boxes and blocks, and the reading of volumes across regions.
import type { RunConfig } from '../domain/config.ts'
import type { Refs } from '../domain/contract.ts'
import { cellBox, cellsIn, fromKey, grow, intersect, key, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { Hole } from '../domain/release.ts'
import type { StageName } from '../domain/stages.ts'
import type { CellTask } from '../domain/tasks.ts'
import { isHillockError } from '../domain/errors.ts'
import type { DataType, Encoding, VolumeArray } from '../storage/formats/chunk.ts'
import { readBox } from '../storage/formats/volume.ts'
import { Context } from '@temporalio/activity'
import { stages } from '../domain/stages.ts'
import type { Deps } from './context.ts'
import { fault } from './faults.ts'
import { progress } from './meter.ts'

export const regionBox = (t: CellTask): Box => cellBox(fromKey(t.cell), t.context.region, t.context.bounds)

export interface Block {
  readonly coord: Vec3
  readonly box: Box
}

/** Blocks of a region, in raster order, clipped to the dataset. */
export const blocksOf = (box: Box, config: RunConfig, bounds: Box): Block[] =>
  cellsIn(box, config.grid.block).map(coord => ({ coord, box: cellBox(coord, config.grid.block, bounds) }))

/** Refs of one stage that a task brings; none is a fault of the workflow. */
export function refs(task: CellTask, stage: StageName): Refs {
  const found = task.refs[stage]
  if (!found) throw new Error(`${task.cell} was started without artifacts of ${stage}`)
  return found
}

export function own(task: CellTask, stage: StageName): ArtifactRef {
  const ref = refs(task, stage)[task.cell]
  if (!ref) throw new Error(`${task.cell} was started without its own artifact of ${stage}`)
  return ref
}

export interface VolumeOf<D extends DataType> {
  readonly dtype: D
  readonly encoding: Encoding
  readonly channels?: number
}

export const emVolume = { dtype: 'uint8', encoding: 'raw' } as const
export const segmentationVolume = { dtype: 'uint64', encoding: 'compressed_segmentation' } as const
export const affinityVolume = { dtype: 'uint8', encoding: 'raw', channels: 3 } as const
export const mapVolume = { dtype: 'uint8', encoding: 'raw', channels: 2 } as const

/** Any box of a mip-0 volume that regions hold; 0 where the dataset or the refs end. */
export async function readVolume<D extends DataType>(
  deps: Deps,
  task: { readonly context: CellTask['context'] },
  from: Refs,
  volume: VolumeOf<D>,
  box: Box,
): Promise<VolumeArray<D>> {
  const { data } = await readBox(deps.artifacts, {
    artifacts: region => from[key(region)],
    regionShape: task.context.region,
    bounds: task.context.bounds,
    box,
    mip: 0,
    ...volume,
  })
  return data
}

/** Those refs whose region touches `box`: what a halo read takes in. */
export function touching(task: CellTask, stage: StageName, box: Box): Record<string, ArtifactRef> {
  const out: Record<string, ArtifactRef> = {}
  for (const coord of cellsIn(intersect(box, task.context.bounds), task.context.region)) {
    const ref = refs(task, stage)[key(coord)]
    if (ref) out[`${stage}/${key(coord)}`] = ref
  }
  return out
}

export const halo = (box: Box, n: number, bounds: Box): Box => grow(box, [n, n, n], bounds)

/**
 * Runs `work` on each block. One that still fails on the last attempt of the activity is set aside with its reason, so
 * that the region goes on without it.
 */
export async function eachBlock(
  stage: StageName,
  blocks: readonly Block[],
  work: (block: Block) => Promise<void>,
): Promise<Hole[]> {
  const holes: Hole[] = []
  const last = Context.current().info.attempt >= stages[stage].retry.attempts
  for (const [i, block] of blocks.entries()) {
    try {
      fault('before', ` block ${key(block.coord)}`)
      await work(block)
    } catch (e) {
      // What is wrong with the run as a whole is no fault of the block, and a cancelled block has not failed.
      const whole = isHillockError(e) && !['QuarantinedBlock', 'ComputeLost'].includes(e.type)
      if (!last || whole || Context.current().cancellationSignal.aborted) throw e
      holes.push({ stage, what: `block ${key(block.coord)}`, reason: e instanceof Error ? e.message : String(e) })
    }
    progress(i + 1, blocks.length)
  }
  return holes
}

/** Copies `part` into `whole` (both x fastest) where their boxes overlap, channel by channel. */
export function paste<T extends Uint8Array | Uint32Array | BigUint64Array>(
  part: T,
  partBox: Box,
  whole: T,
  wholeBox: Box,
  channels = 1,
): void {
  const common = intersect(partBox, wholeBox)
  const strides = (b: Box): Vec3 => [1, b.max[0] - b.min[0], (b.max[0] - b.min[0]) * (b.max[1] - b.min[1])]
  const [, py, pz] = strides(partBox)
  const [, wy, wz] = strides(wholeBox)
  const n = common.max[0] - common.min[0]
  for (let c = 0; c < channels; c++)
    for (let z = common.min[2]; z < common.max[2]; z++)
      for (let y = common.min[1]; y < common.max[1]; y++) {
        const from =
          c * voxels(partBox) + common.min[0] - partBox.min[0] + py * (y - partBox.min[1]) + pz * (z - partBox.min[2])
        const to =
          c * voxels(wholeBox) +
          common.min[0] -
          wholeBox.min[0] +
          wy * (y - wholeBox.min[1]) +
          wz * (z - wholeBox.min[2])
        whole.set(part.subarray(from, from + n) as never, to)
      }
}
