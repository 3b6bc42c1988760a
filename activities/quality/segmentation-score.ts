// A segmentation scored against ground truth, box by box: VOI, ARAND and ERL, what its fragments would allow, and where it is lost.
import {
  boxAt,
  cellBox,
  cellsIn,
  grow,
  intersect,
  key,
  map3,
  shapeOf,
  translate,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import type { Quality } from '../../domain/release.ts'
import type { FoundFault } from '../../domain/releases/faults.ts'
import { bestAgglomeration, withoutBorder, worstFaults } from '../../kernels/faults.ts'
import { contingency, mergeContingency, scores } from '../../kernels/metrics.ts'
import { cableIn, runLengths, type RunLengths } from '../../kernels/run-length.ts'
import type { Contingency, Scores } from '../../kernels/segmentation/segmentation-types.ts'
import { highSides, lowSides, readIds, type RefOf } from '../cells.ts'
import { moved, type Deps } from '../context.ts'
import { Fold } from '../fold.ts'
import { progress } from '../meter.ts'
import { inOrder } from '../../storage/bounded.ts'
import type { Labels, Truth } from './truth.ts'

interface Where {
  readonly bounds: Box
  readonly region: Vec3
  readonly voxelSizeNm: Vec3
}

/** Merges and splits that are listed. */
const WORST = 10
/** Boxes that are scored at once, each in memory with its truth. */
const TOGETHER = 2

export interface Scored {
  readonly quality: Quality
  /** VOI and ARAND of the best agglomeration of the fragments, and with one voxel of border ignored. */
  readonly fragments: Scores
  readonly inner: Scores
  /** Without borders, where every segment touches a little of its neighbours. */
  readonly worst: readonly FoundFault[]
}

/** True skeletons are made box by box from the corner of what is scored, whatever the regions. */
const SKELETON_BOX: Vec3 = [256, 256, 128]

/** Undefined where the truth is too small to have cable. */
async function runLengthsOf(
  deps: Deps,
  at: Where,
  segmentOf: RefOf,
  truth: Truth,
  wanted: Box,
): Promise<RunLengths | undefined> {
  const cable = new Fold<Contingency>(parts => deps.compute(mergeContingency, [parts]))
  const fromCorner = boxAt([0, 0, 0], shapeOf(wanted))
  const cableOf = async (coord: Vec3): Promise<Contingency> => {
    const part = translate(cellBox(coord, SKELETON_BOX, fromCorner), wanted.min)
    const outer = grow(part, [1, 1, 1], wanted)
    const ids = await readIds(deps, at, segmentOf, outer)
    const sides = { low: lowSides(outer, part), high: highSides(outer, part) }
    const box = { shape: shapeOf(outer), voxelSizeNm: at.voxelSizeNm, ...sides }
    return deps.compute(cableIn, [box, moved(truth.labels(outer)), moved(ids)])
  }
  for await (const part of inOrder(cellsIn(fromCorner, SKELETON_BOX), TOGETHER, cableOf)) await cable.add(part)
  const sum = await cable.sum()
  return sum.count.length > 0 ? runLengths(sum) : undefined
}

/** Voxels in the order of the dataset: x fastest. */
const placeIn = (box: Box, bounds: Box, of: Float64Array): Float64Array => {
  const [nx, ny] = shapeOf(box)
  const [sx, sy] = shapeOf(bounds)
  const [dx, dy, dz] = map3(a => box.min[a] - bounds.min[a])
  return of.map(
    i => (i % nx!) + dx + sx! * ((Math.floor(i / nx!) % ny!) + dy + sy! * (Math.floor(i / (nx! * ny!)) + dz)),
  )
}

/**
 * @param segmentOf the segments of a region
 * @param fragmentOf its supervoxels; undefined where the release was made without
 * @param wanted what is scored
 */
export async function scoreSegmentation(
  deps: Deps,
  at: Where,
  segmentOf: RefOf,
  fragmentOf: RefOf,
  truth: Truth,
  wanted: Box,
): Promise<Scored> {
  const table = (): Fold<Contingency> => new Fold(parts => deps.compute(mergeContingency, [parts]))
  const [all, interior, pieces] = [table(), table(), table()]
  const cells = cellsIn(wanted, at.region)
  const tablesOf = async (cell: Vec3): Promise<(Contingency | undefined)[]> => {
    const part = intersect(cellBox(cell, at.region, at.bounds), wanted)
    const tableOf = async (ids: BigUint64Array, of: Labels): Promise<Contingency> => {
      const t = await deps.compute(contingency, [ids, of])
      return { ...t, first: placeIn(part, at.bounds, t.first) }
    }
    const labels = truth.labels(part)
    const segs = await readIds(deps, at, segmentOf, part)
    const own = await tableOf(segs, labels)
    const outer = grow(part, [1, 1, 1], truth.bounds)
    const [low, high] = [lowSides(outer, part), highSides(outer, part)]
    const core = await deps.compute(withoutBorder, [moved(truth.labels(outer)), shapeOf(outer), low, high])
    const inner = await tableOf(moved(segs), moved(core as Labels))
    if (!(await fragmentOf(key(cell)))) return [own, inner]
    return [own, inner, await tableOf(moved(await readIds(deps, at, fragmentOf, part)), moved(labels))]
  }
  let done = 0
  for await (const tables of inOrder(cells, TOGETHER, tablesOf)) {
    for (const [i, of] of [all, interior, pieces].entries()) if (tables[i]) await of.add(tables[i])
    progress(++done, cells.length)
  }
  const { voxels: _, ...own } = await deps.compute(scores, [await all.sum()])
  const core = await interior.sum()
  const inner = await deps.compute(scores, [core])
  const fragments = await deps.compute(bestAgglomeration, [await pieces.sum()])
  const worst = await deps.compute(worstFaults, [core, WORST])
  const runs = await runLengthsOf(deps, at, segmentOf, truth, wanted)
  const [sx, sy] = shapeOf(at.bounds)
  return {
    quality: {
      ...own,
      voiSumInner: inner.voiSum,
      arandInner: inner.arand,
      ...(fragments.voxels > 0 && { voiSumFragments: fragments.voiSum }),
      ...runs,
    },
    fragments,
    inner,
    worst: worst.map(({ id, parts, first, ...f }) => ({
      ...f,
      id: String(id),
      parts: parts.map(String),
      at: [
        at.bounds.min[0] + (first % sx!),
        at.bounds.min[1] + (Math.floor(first / sx!) % sy!),
        at.bounds.min[2] + Math.floor(first / (sx! * sy!)),
      ],
    })),
  }
}
