// The label samples of one region that meshes and skeletons are made from, equal on both sides of a shared face.

import { map3 } from './types.ts'
import type { Vec3 } from './types.ts'

/** `low[d]` / `high[d]` is 1 where a neighbour follows on that side; where it is 0 the dataset ends. */
export interface Sides {
  readonly low: readonly number[]
  readonly high: readonly number[]
}

/**
 * Labels of one region and of the neighbours' voxels that touch it, one layer of them on each side that has a neighbour.
 * `labels` holds indices into `ids`, x fastest; the id 0n is background. `origin` is the voxel of `labels[0]`, so it
 * includes the low margins.
 */
export interface RegionLabels extends Sides {
  readonly labels: Uint32Array
  readonly ids: BigUint64Array
  readonly shape: Vec3
  readonly origin: Vec3
  readonly voxelSizeNm: Vec3
}

/**
 * Samples of a region's own voxels and its high margins, with one layer of background around them (x fastest).
 * A label is 0 for background, else index in ids + 1. `from[d][i]` .. `to[d][i]` are the voxels (indices in the region's
 * array) under sample i of axis d; `at[d][i]` is the middle of that footprint in voxels of the dataset, and in the
 * layer of background the mirror image at the dataset's border, so that a surface between them lies on the border.
 */
export interface Samples {
  readonly labels: Uint32Array
  readonly shape: Vec3
  readonly from: readonly Int32Array[]
  readonly to: readonly Int32Array[]
  readonly at: readonly Float64Array[]
}

/**
 * Samples the labels at every voxel (step 1) or one per 2x2x2 voxels (step 2): the most frequent label other than
 * background, the earlier in raster order where counts are equal.
 *
 * Two regions meet in the first layer of the upper one, which the lower one sees as its high margin. With step 2 a
 * sample in such a layer covers one voxel across it instead of two, so both regions compute it from the same voxels.
 *
 * Throws RangeError if a region with an upper neighbour is not a multiple of `step` long.
 */
export function sampleRegion(region: RegionLabels, step: 1 | 2): Samples {
  const axes = [0, 1, 2].map(axis => footprints(region, axis, step))
  const [from, to, at] = [axes.map(a => a.from), axes.map(a => a.to), axes.map(a => a.at)]
  const shape = map3(a => axes[a]!.from.length)
  return { labels: mostFrequent(region, from, to, shape), shape, from, to, at }
}

function footprints(region: RegionLabels, axis: number, step: number) {
  const low = region.low[axis]!
  const high = region.high[axis]!
  const own = region.shape[axis]! - low - high
  if (own < 1 || (high === 1 && own % step !== 0))
    throw new RangeError(`a region of ${own} voxels along axis ${axis} cannot be sampled every ${step}`)
  const count = Math.ceil(own / step) + high + 2
  const from = new Int32Array(count)
  const to = new Int32Array(count)
  const at = new Float64Array(count)
  for (let i = 1; i < count - 1; i++) {
    from[i] = low + (i - 1) * step
    const wide = i === 1 && low === 1 ? 1 : step
    to[i] = i === count - 2 && high === 1 ? from[i]! + 1 : Math.min(from[i]! + wide, low + own)
    at[i] = region.origin[axis]! + (from[i]! + to[i]!) / 2
  }
  at[0] = 2 * (region.origin[axis]! + from[1]!) - at[1]!
  at[count - 1] = 2 * (region.origin[axis]! + to[count - 2]!) - at[count - 2]!
  return { from, to, at }
}

function mostFrequent(
  { labels, ids, shape: [vx, vy] }: RegionLabels,
  from: Int32Array[],
  to: Int32Array[],
  [sx, sy, sz]: Vec3,
): Uint32Array {
  const background = ids.indexOf(0n)
  const out = new Uint32Array(sx * sy * sz)
  const found = new Uint32Array(8)
  const [fromX, toX] = [from[0]!, to[0]!]
  for (let z = 1; z < sz - 1; z++)
    for (let y = 1; y < sy - 1; y++) {
      // A footprint that is one voxel thin reads that voxel twice, which changes neither the order nor the winner.
      const row00 = vx * (from[1]![y]! + vy * from[2]![z]!)
      const row10 = vx * (to[1]![y]! - 1 + vy * from[2]![z]!)
      const row01 = vx * (from[1]![y]! + vy * (to[2]![z]! - 1))
      const row11 = vx * (to[1]![y]! - 1 + vy * (to[2]![z]! - 1))
      for (let x = 1, o = 1 + sx * (y + sy * z); x < sx - 1; x++, o++) {
        const x0 = fromX[x]!
        const x1 = toX[x]! - 1
        const a = labels[x0 + row00]!
        const b = labels[x1 + row00]!
        const c = labels[x0 + row10]!
        const d = labels[x1 + row10]!
        const e = labels[x0 + row01]!
        const f = labels[x1 + row01]!
        const g = labels[x0 + row11]!
        const h = labels[x1 + row11]!
        if (a === b && a === c && a === d && a === e && a === f && a === g && a === h) {
          if (a !== background) out[o] = a + 1
          continue
        }
        found[0] = a
        found[1] = b
        found[2] = c
        found[3] = d
        found[4] = e
        found[5] = f
        found[6] = g
        found[7] = h
        let most = 0
        for (let i = 0; i < 8 && most < 8 - i; i++) {
          const label = found[i]!
          if (label === background) continue
          let count = 1
          for (let j = i + 1; j < 8; j++) if (found[j] === label) count++
          if (count <= most) continue
          most = count
          out[o] = label + 1
        }
      }
    }
  return out
}

/** Order of the labels 1..n of the samples by ascending segment id. */
export function labelsById(ids: BigUint64Array): Uint32Array {
  const order = Uint32Array.from(ids, (_, index) => index + 1)
  return order.sort((a, b) => (ids[a - 1]! < ids[b - 1]! ? -1 : ids[a - 1]! > ids[b - 1]! ? 1 : 0))
}
