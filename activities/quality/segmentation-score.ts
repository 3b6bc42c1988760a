// A segmentation scored against ground truth, cell by cell: VOI and ARAND, what its fragments would allow, and where it is lost.
import {
  cellBox,
  fromKey,
  grow,
  intersect,
  isEmpty,
  map3,
  product,
  shapeOf,
  voxels,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { Quality } from '../../domain/release.ts'
import type { FoundFault } from '../../domain/releases/faults.ts'
import { bestAgglomeration, withoutBorder, worstFaults } from '../../kernels/faults.ts'
import { contingency, mergeContingency, scores } from '../../kernels/metrics.ts'
import type { Contingency, Scores } from '../../kernels/segmentation/segmentation-types.ts'
import { readVolume, segmentationVolume } from '../cells.ts'
import { moved, type Deps } from '../context.ts'
import { Fold } from '../fold.ts'
import { progress } from '../meter.ts'
import type { Labels, Truth } from './truth.ts'

interface Where {
  readonly bounds: Box
  readonly region: Vec3
}

type Cells = AsyncIterable<readonly [string, ArtifactRef]> | Iterable<readonly [string, ArtifactRef]>

/** Merges and splits that are listed. */
const WORST = 10

export interface Scored {
  readonly quality: Quality
  /** VOI and ARAND of the best agglomeration of the fragments, and with one voxel of border ignored. */
  readonly fragments: Scores
  readonly inner: Scores
  /** Without borders, where every segment touches a little of its neighbours. */
  readonly worst: readonly FoundFault[]
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
 * @param segments of the dataset, by region
 * @param fragmentOf the supervoxels of a region; undefined where the release was made without
 * @param wanted what is scored
 */
export async function scoreSegmentation(
  deps: Deps,
  at: Where,
  segments: Cells,
  fragmentOf: (cell: string) => Promise<ArtifactRef | undefined>,
  truth: Truth,
  wanted: Box,
): Promise<Scored> {
  const table = (): Fold<Contingency> => new Fold(parts => deps.compute(mergeContingency, [parts]))
  const [all, interior, pieces] = [table(), table(), table()]
  const cells = voxels(at.bounds) / product(at.region)
  let done = 0
  for await (const [cell, ref] of segments) {
    const part = intersect(cellBox(fromKey(cell), at.region, at.bounds), wanted)
    progress(++done, Math.max(done, cells))
    if (isEmpty(part)) continue
    const read = (of: ArtifactRef): Promise<BigUint64Array> =>
      readVolume(deps, { context: at } as never, { [cell]: of }, segmentationVolume, part)
    const add = async (to: Fold<Contingency>, ids: BigUint64Array, labels: Labels): Promise<void> => {
      const t = await deps.compute(contingency, [ids, labels])
      await to.add({ ...t, first: placeIn(part, at.bounds, t.first) })
    }
    const labels = truth.labels(part)
    const segs = await read(ref)
    await add(all, segs, labels)
    const outer = grow(part, [1, 1, 1], truth.bounds)
    const [low, high] = [map3(a => part.min[a] - outer.min[a]), map3(a => outer.max[a] - part.max[a])]
    const core = await deps.compute(withoutBorder, [moved(truth.labels(outer)), shapeOf(outer), low, high])
    await add(interior, moved(segs), moved(core as Labels))
    const fragments = await fragmentOf(cell)
    if (fragments) await add(pieces, moved(await read(fragments)), moved(labels))
  }
  const { voxels: _, ...own } = await deps.compute(scores, [await all.sum()])
  const core = await interior.sum()
  const inner = await deps.compute(scores, [core])
  const fragments = await deps.compute(bestAgglomeration, [await pieces.sum()])
  const worst = await deps.compute(worstFaults, [core, WORST])
  const [sx, sy] = shapeOf(at.bounds)
  return {
    quality: {
      ...own,
      voiSumInner: inner.voiSum,
      arandInner: inner.arand,
      ...(fragments.voxels > 0 && { voiSumFragments: fragments.voiSum }),
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
