// How far one comes along true neurites before the segmentation is wrong: expected run length (Januszewski et al. 2018, Nature Methods 15:605).
import { marginal, mergeContingency } from './metrics.ts'
import type { Contingency } from './segmentation/segmentation-types.ts'
import { compactIds } from './segmentation/compact-ids.ts'
import { dense } from './segmentation/pair-index.ts'
import { skeletonAt, skeletonRegion } from './skeleton/skeleton.ts'
import type { RegionLabels } from './surface-samples.ts'

/** As the stage `skeleton` has it by default, but that no piece is too small. */
const PARAMS = { step: 2, scale: 1.5, constantNm: 150, minVoxels: 0 } as const

/** Cable of another object, in nm, up to which a segment counts as touched, not as merged: paths end on the surface of their object. */
const TOUCHED = 300

export interface RunLengths {
  readonly erlUm: number
  /** Share of what the truth itself would have. */
  readonly nerl: number
}

/**
 * Nanometres of skeleton of each object that lie in each segment; an edge between two segments counts as in none (0).
 * @param truth labels of a box with the margins of a region; the skeletons of neighbouring boxes meet there
 * @param segments of the same voxels
 */
export function cableIn(
  truth: Omit<RegionLabels, 'labels' | 'ids' | 'origin'>,
  labels: BigUint64Array | Uint32Array,
  segments: BigUint64Array,
): Contingency {
  const { shape, voxelSizeNm } = truth
  const pieces = skeletonRegion({ ...truth, ...compactIds(labels), origin: [0, 0, 0], params: PARAMS })
  const rows = pieces.edges.length / 2
  const [seg, gt] = [new BigUint64Array(rows), new BigUint64Array(rows)]
  const [count, first] = [new Float64Array(rows), new Float64Array(rows)]
  let row = 0
  for (const [i, id] of pieces.ids.entries()) {
    const { vertices, edges } = skeletonAt(pieces, i)
    const voxel = (v: number, axis: number): number => Math.floor(vertices[3 * v + axis]! / voxelSizeNm[axis]!)
    const segmentAt = (v: number): bigint => segments[voxel(v, 0) + shape[0] * (voxel(v, 1) + shape[1] * voxel(v, 2))]!
    for (let e = 0; e < edges.length; e += 2, row++) {
      const [a, b] = [edges[e]!, edges[e + 1]!]
      const along = (axis: number): number => (voxel(a, axis) - voxel(b, axis)) * voxelSizeNm[axis]!
      gt[row] = id
      if (segmentAt(a) === segmentAt(b)) seg[row] = segmentAt(a)
      count[row] = Math.hypot(along(0), along(1), along(2))
    }
  }
  return mergeContingency([{ seg, gt, count, first }])
}

/**
 * The expected length of the stretch on which a random point of the true cable lies, where a stretch ends at a split, and all of what lies
 * in no segment or in one that merges objects has length 0.
 * @param t cable of the whole
 */
export function runLengths(t: Contingency): RunLengths {
  const objects = marginal(
    t.seg,
    t.count.map(nm => (nm > TOUCHED ? 1 : 0)),
  )
  const places = dense(t.seg)
  const right = t.count.filter((_, i) => t.seg[i] !== 0n && objects[places[i]!]! < 2)
  const total = t.count.reduce((a, b) => a + b, 0)
  const [found, best] = [right, marginal(t.gt, t.count)].map(runs => runs.reduce((sum, nm) => sum + nm * nm, 0))
  return { erlUm: found! / total / 1000, nerl: found! / best! }
}
