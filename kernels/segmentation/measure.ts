// What a region holds of every segment: voxels, box, sums of coordinates, and the faces that it shares with other segments.
import { concat, longer, rowsAt } from '../arrays.ts'
import { tick } from '../tick.ts'
import { PairIndex, orderPairs, rankIds } from './pair-index.ts'
import type { Vec3 } from '../types.ts'

/** Rows of segments, by id; coordinates of voxels of the dataset. */
export interface SegmentSums {
  readonly id: BigUint64Array
  readonly voxels: BigUint64Array
  readonly xMin: Uint32Array
  readonly yMin: Uint32Array
  readonly zMin: Uint32Array
  readonly xMax: Uint32Array
  readonly yMax: Uint32Array
  readonly zMax: Uint32Array
  readonly xSum: BigUint64Array
  readonly ySum: BigUint64Array
  readonly zSum: BigUint64Array
}

/** Pairs of segments, sorted, each once; x, y, z: pairs of voxels, one of each segment, that follow each other along the axis. */
export interface ContactSums {
  readonly a: BigUint64Array
  readonly b: BigUint64Array
  readonly x: BigUint64Array
  readonly y: BigUint64Array
  readonly z: BigUint64Array
}

export interface MeasureRequest {
  /** Index into `ids` per voxel, x fastest; 0 = none. */
  readonly labels: Uint32Array
  /** Ascending from ids[0] = 0. */
  readonly ids: BigUint64Array
  /** Of the region proper and, where low[a] = 1, one slab of the region below on axis a. */
  readonly shape: Vec3
  readonly low: Vec3
  /** Voxel of the dataset at index 0. */
  readonly origin: Vec3
}

/** Faces whose higher voxel lies in the region proper, so that each face of a dataset is counted in one region. */
export function measure(r: MeasureRequest): { segments: SegmentSums; contacts: ContactSums } {
  const { labels, ids, shape, low, origin } = r
  const [sx, sy, sz] = shape
  const n = ids.length
  const voxels = new Float64Array(n)
  const min = three(() => new Uint32Array(n).fill(0xffffffff))
  const max = three(() => new Uint32Array(n))
  const sums = three(() => new Float64Array(n))
  const faces = new Faces()
  for (let z = low[2]; z < sz; z++) {
    tick()
    for (let y = low[1]; y < sy; y++) {
      const row = sx * (y + sy * z)
      if (low[0] === 1) faces.add(labels[row]!, labels[row + 1]!, 0)
      for (let x = low[0], end = x; x < sx; x = end) {
        const label = labels[row + x]!
        while (end < sx && labels[row + end] === label) end++
        if (end < sx) faces.add(label, labels[row + end]!, 0)
        if (label === 0) continue
        const count = end - x
        voxels[label]! += count
        const first = [x, y, z]
        const last = [end - 1, y, z]
        for (let a = 0; a < 3; a++) {
          min[a]![label] = Math.min(min[a]![label]!, origin[a]! + first[a]!)
          max[a]![label] = Math.max(max[a]![label]!, origin[a]! + last[a]!)
          sums[a]![label]! += (count * (first[a]! + last[a]!)) / 2
        }
      }
      for (const [axis, step, inside] of [
        [1, sx, y > 0],
        [2, sx * sy, z > 0],
      ] as const)
        if (inside)
          for (let i = row + low[0]; i < row + sx; i++)
            if (labels[i] !== labels[i - step]) faces.add(labels[i]!, labels[i - step]!, axis)
    }
  }
  const held = Uint32Array.from(ids.keys()).filter(l => voxels[l]! > 0)
  const total = (a: 0 | 1 | 2): BigUint64Array =>
    BigUint64Array.from(sums[a], (s, l) => BigInt(s) + BigInt(origin[a]) * BigInt(voxels[l]!))
  const segments = {
    id: ids,
    voxels: BigUint64Array.from(voxels, BigInt),
    xMin: min[0],
    yMin: min[1],
    zMin: min[2],
    xMax: max[0],
    yMax: max[1],
    zMax: max[2],
    xSum: total(0),
    ySum: total(1),
    zSum: total(2),
  }
  return { segments: rowsAt(segments, held), contacts: faces.table(ids) }
}

const three = <T>(make: () => T): [T, T, T] => [make(), make(), make()]

/** Faces between labels, counted by pair and axis. */
class Faces {
  private readonly pairs = new PairIndex(4096)
  private counts = new Float64Array(3 * this.pairs.first.length)
  private last: readonly [number, number, at: number] = [0, 0, 0]

  add(u: number, v: number, axis: number): void {
    if (u === v || u === 0 || v === 0) return
    if (u !== this.last[0] || v !== this.last[1])
      this.last = [u, v, u < v ? this.pairs.add(u, v) : this.pairs.add(v, u)]
    const at = 3 * this.last[2] + axis
    if (at >= this.counts.length) this.counts = longer(this.counts)
    this.counts[at]!++
  }

  table(ids: BigUint64Array): ContactSums {
    const { pairs, counts } = this
    const [first, second] = [pairs.first.subarray(0, pairs.size), pairs.second.subarray(0, pairs.size)]
    const order = orderPairs(first, second, ids.length)
    const along = (axis: number): BigUint64Array => BigUint64Array.from(order, i => BigInt(counts[3 * i + axis]!))
    return {
      a: BigUint64Array.from(order, i => ids[first[i]!]!),
      b: BigUint64Array.from(order, i => ids[second[i]!]!),
      x: along(0),
      y: along(1),
      z: along(2),
    }
  }
}

/** Rows of the same segment, from any regions that do not overlap, added up. */
export function sumSegments(all: SegmentSums): SegmentSums {
  const { sorted: id, rank } = rankIds(all.id)
  const n = id.length
  const sum = (c: BigUint64Array): BigUint64Array => {
    const out = new BigUint64Array(n)
    for (let i = 0; i < c.length; i++) out[rank[i]!]! += c[i]!
    return out
  }
  const extreme = (c: Uint32Array, of: (a: number, b: number) => number, from: number): Uint32Array => {
    const out = new Uint32Array(n).fill(from)
    for (let i = 0; i < c.length; i++) out[rank[i]!] = of(out[rank[i]!]!, c[i]!)
    return out
  }
  const least = (c: Uint32Array): Uint32Array => extreme(c, Math.min, 0xffffffff)
  const most = (c: Uint32Array): Uint32Array => extreme(c, Math.max, 0)
  return {
    id,
    voxels: sum(all.voxels),
    xMin: least(all.xMin),
    yMin: least(all.yMin),
    zMin: least(all.zMin),
    xMax: most(all.xMax),
    yMax: most(all.yMax),
    zMax: most(all.zMax),
    xSum: sum(all.xSum),
    ySum: sum(all.ySum),
    zSum: sum(all.zSum),
  }
}

/** Rows of the same pair added up. */
export function sumContacts(all: ContactSums): ContactSums {
  const { sorted, rank } = rankIds(concat([all.a, all.b]))
  const m = all.a.length
  const pairs = new PairIndex(m)
  const at = Uint32Array.from(all.a, (_, i) => pairs.add(rank[i]!, rank[m + i]!))
  const [first, second] = [pairs.first.subarray(0, pairs.size), pairs.second.subarray(0, pairs.size)]
  const sum = (c: BigUint64Array): BigUint64Array => {
    const out = new BigUint64Array(pairs.size)
    for (let i = 0; i < m; i++) out[at[i]!]! += c[i]!
    return out
  }
  const of = (label: Uint32Array): BigUint64Array => BigUint64Array.from(label, i => sorted[i]!)
  const sums = { a: of(first), b: of(second), x: sum(all.x), y: sum(all.y), z: sum(all.z) }
  return rowsAt(sums, orderPairs(first, second, sorted.length))
}
