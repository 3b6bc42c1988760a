// What the stages of regions share: their boxes and blocks, and the reading of volumes across regions.
import type { Refs } from '../domain/contract/artifacts.ts'
import { configError } from '../domain/errors.ts'
import { cellBox, cellsIn, fromKey, grow, intersect, key, map3, type Box, type Vec3 } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import { stages, type DtypeOf, type StageName } from '../domain/stages.ts'
import type { CellTask } from '../domain/contract/activities.ts'
import { haloOf } from '../domain/index/reads.ts'
import type { DataType, Encoding, VolumeArray } from '../storage/formats/chunk.ts'
import { encodeChunks, readBox } from '../storage/formats/volume.ts'
import type { Deps } from './context.ts'
import type { Put } from './produce.ts'

export const regionBox = (t: CellTask): Box => cellBox(fromKey(t.cell), t.context.region, t.context.bounds)

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
export const mapVolume = { dtype: 'uint8', encoding: 'raw', channels: 2 } as const

/** Any box of a mip-0 volume that regions hold; 0 where the dataset or the refs end, and for a task whose region has failed for good. */
export async function readVolume<D extends DataType>(
  deps: Deps,
  task: Pick<CellTask, 'context' | 'failed'>,
  from: Refs,
  volume: VolumeOf<D>,
  box: Box,
): Promise<VolumeArray<D>> {
  const { data } = await readBox(deps.artifacts, {
    artifacts: region => (task.failed === undefined ? from[key(region)] : undefined),
    regionShape: task.context.region,
    bounds: task.context.bounds,
    box,
    mip: 0,
    ...volume,
  })
  return data
}

/** What holds a region; undefined where nothing does. */
export type RefOf = (cell: string) => Promise<ArtifactRef | undefined>

/** Any box of a segmentation of which only the regions that the box touches are looked up. */
export async function readIds(
  deps: Deps,
  at: { readonly bounds: Box; readonly region: Vec3 },
  of: RefOf,
  box: Box,
): Promise<BigUint64Array<ArrayBuffer>> {
  const found: Record<string, ArtifactRef> = {}
  for (const cell of cellsIn(intersect(box, at.bounds), at.region).map(key)) {
    const ref = await of(cell)
    if (ref) found[cell] = ref
  }
  return readVolume(deps, { context: at } as never, found, segmentationVolume, box)
}

/** The same of what a stage has made, as its row says what that is. */
export const readStage = <S extends StageName>(
  deps: Deps,
  task: CellTask,
  stage: S,
  box: Box,
): Promise<VolumeArray<DtypeOf<S>>> =>
  readVolume(deps, task, refs(task, stage), stages[stage].volume as VolumeOf<DtypeOf<S>>, box)

/** Refs of the regions that `box` touches: what a halo read takes in. @throws HillockError ConfigError for a region that is no neighbour. */
export function touching(task: CellTask, stage: StageName, box: Box): Record<string, ArtifactRef> {
  const out: Record<string, ArtifactRef> = {}
  for (const coord of cellsIn(intersect(box, task.context.bounds), task.context.region)) {
    const ref = refs(task, stage)[key(coord)]
    if (!ref)
      throw configError(
        `${task.cell} would see ${stage} of region ${key(coord)}, which is no neighbour: the halo is larger than a region (grid.region)`,
      )
    out[`${stage}/${key(coord)}`] = ref
  }
  return out
}

/** The chunks of a volume that a region holds. */
export async function putVolume(put: Put, data: VolumeArray, box: Box, volume: VolumeOf<DataType>): Promise<void> {
  const { encoding, channels = 1 } = volume
  for (const chunk of encodeChunks(data, box, { mip: 0, encoding, channels })) await put(chunk.path, chunk.bytes)
}

export const halo = (box: Box, n: number, bounds: Box): Box => grow(box, [n, n, n], bounds)

/** The box with `low` voxels more on its lower and `high` on its upper sides, where the dataset goes on. */
const withMargins = (box: Box, low: number, high: number, bounds: Box): Box =>
  intersect({ min: map3(a => box.min[a] - low), max: map3(a => box.max[a] + high) }, bounds)

/** What a stage sees of an input: its region, and around it what its row says. */
export const seen = (task: CellTask, stage: StageName, input: StageName, parameters?: object): Box =>
  withMargins(regionBox(task), ...haloOf(stage, input, parameters), task.context.bounds)

type Sides = readonly [0 | 1, 0 | 1, 0 | 1]
const sides = (reaches: (axis: 0 | 1 | 2) => boolean): Sides => map3(a => (reaches(a) ? 1 : 0)) as Sides

/** 1 on each axis where `outer` reaches below (above) `inner`. */
export const lowSides = (outer: Box, inner: Box): Sides => sides(a => outer.min[a] < inner.min[a])
export const highSides = (outer: Box, inner: Box): Sides => sides(a => outer.max[a] > inner.max[a])
