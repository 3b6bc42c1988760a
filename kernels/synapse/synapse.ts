// Synapses from maps and segmentation: connected clefts, the two segments that face each other, and which of them is presynaptic.
import { findClefts } from './clefts.ts'
import type { Cleft } from './clefts.ts'
import { contactReach, describeSides, facingLabels } from './sides.ts'
import { map3 } from '../types.ts'
import type { Box, Vec3 } from '../types.ts'

export interface SynapseTable extends Readonly<
  Record<'x' | 'y' | 'z' | 'preX' | 'preY' | 'preZ' | 'postX' | 'postY' | 'postZ', Float64Array<ArrayBuffer>>
> {
  // x, y, z: centre of the cleft; the others a voxel of each partner beside it; in voxels of the dataset.
  readonly pre: BigUint64Array<ArrayBuffer>
  readonly post: BigUint64Array<ArrayBuffer>
  /** Voxels of the cleft. */
  readonly size: Uint32Array<ArrayBuffer>
  /** 0..1: how dark the cleft is, less where it has few vesicles. */
  readonly score: Float32Array<ArrayBuffer>
}

export interface SynapseRequest {
  readonly cleft: Uint8Array
  readonly vesicles: Uint8Array
  /** Indices into `ids`; id 0n is background. */
  readonly labels: Uint32Array
  readonly ids: BigUint64Array
  readonly shape: Vec3
  /** Voxel of the dataset at index 0. */
  readonly origin: Vec3
  /** The region proper within the volume: a cleft belongs to the region that holds its centre. */
  readonly core: Box
  readonly params: {
    /** Value of the cleft map from which a voxel is cleft. */
    readonly minCleft: number
    /** Fewer voxels are no cleft. */
    readonly minVoxels: number
  }
}

/** Margin around the core in which a cleft, what touches it and its vesicles are seen whole. */
export const synapseHalo = 32

/** A cleft that reaches farther from its middle is none; findClefts says why there has to be such a limit. */
const CLEFT_REACH = synapseHalo - contactReach - 2

/** With this many vesicle voxels on the presynaptic side half of the score is granted. */
const HALF_VESICLES = 8

/**
 * Rows sorted by centre (z, y, x). Regions that each get a margin of synapseHalo voxels, less where the dataset ends, report
 * every synapse once, and the union of their rows is that of one large region.
 */
export function synapses(r: SynapseRequest): { table: SynapseTable } {
  const { minCleft, minVoxels } = r.params
  const clefts = findClefts(r.cleft, r.shape, r.core, { threshold: minCleft, least: minVoxels, reach: CLEFT_REACH })
  const rows = [...clefts].map(cleft => describe(r, cleft)).filter(row => row !== undefined)
  rows.sort((a, b) => a.centre[2] - b.centre[2] || a.centre[1] - b.centre[1] || a.centre[0] - b.centre[0])
  const column = (of: 'centre' | 'prePoint' | 'postPoint', axis: 0 | 1 | 2): Float64Array<ArrayBuffer> =>
    Float64Array.from(rows, row => row[of][axis])
  return {
    table: {
      pre: BigUint64Array.from(rows, w => w.pre),
      post: BigUint64Array.from(rows, w => w.post),
      x: column('centre', 0),
      y: column('centre', 1),
      z: column('centre', 2),
      preX: column('prePoint', 0),
      preY: column('prePoint', 1),
      preZ: column('prePoint', 2),
      postX: column('postPoint', 0),
      postY: column('postPoint', 1),
      postZ: column('postPoint', 2),
      size: Uint32Array.from(rows, w => w.size),
      score: Float32Array.from(rows, w => w.score),
    },
  }
}

/** The row of one cleft; undefined when fewer than two segments face each other across it. */
function describe(r: SynapseRequest, cleft: Cleft) {
  const pair = facingLabels(cleft, r, label => r.ids[label] === 0n)
  const sides = pair && describeSides(cleft.middle, pair, r)
  if (!sides) return undefined
  const n = cleft.voxels.length
  let darkness = 0
  for (const i of cleft.voxels) darkness += r.cleft[i]!
  const [pre, post] = sides[0].vesicles >= sides[1].vesicles ? sides : [sides[1], sides[0]]
  // Whole numbers until the last division: the same bits whatever the origin.
  const centre = map3(a => (cleft.sums[a] + n * r.origin[a]) / n)
  const point = (p: Vec3): Vec3 => map3(a => r.origin[a] + cleft.middle[a] + p[a])
  return {
    pre: r.ids[pre.label]!,
    post: r.ids[post.label]!,
    centre,
    prePoint: point(pre.point),
    postPoint: point(post.point),
    size: n,
    score: ((darkness / n / 255) * pre.vesicles) / (pre.vesicles + HALF_VESICLES),
  }
}
