// Which neurite owns a point, and how far is its membrane: a power diagram of the centre-line spheres in bent space.
import { longer } from '../kernels/arrays.ts'
import type { Box } from '../kernels/types.ts'
import { noiseTables, tableIndex, type NoiseTables } from './noise.ts'
import type { PhantomScene } from './types.ts'

/** Side of the cells that hold candidate lists when many voxels are asked for. */
export const cellSize = 8
/** Boundaries are seen from this far, voxels of bent space; what lies farther is as far as this. */
export const seen = 7
/** Where the division into cells begins. */
const root = 64

export interface Field {
  readonly tables: NoiseTables
  /** Spheres in bent space: x, y, z, radius squared, four numbers a row. */
  readonly spheres: Float64Array
  readonly owner: Uint32Array
  /**
   * Cells of `size` voxels of bent space, `n` of them from cell `min`; cell c holds candidates[starts[c] ..
   * ends[c]), of which those up to middles[c] can own its voxels and the rest only bound them.
   */
  readonly cells: { readonly size: number; readonly min: readonly number[]; readonly n: readonly number[] }
  readonly starts: Int32Array
  readonly middles: Int32Array
  readonly ends: Int32Array
  readonly candidates: Int32Array
}

/** Displacement into bent space at a point, by trilinear interpolation of the tables (exact at integer points). */
function warpAt(tables: NoiseTables, x: number, y: number, z: number, out: Float64Array): void {
  const ix = Math.floor(x)
  const iy = Math.floor(y)
  const iz = Math.floor(z)
  out[0] = out[1] = out[2] = 0
  for (let c = 0; c < 8; c++) {
    const a = c & 1
    const b = (c >> 1) & 1
    const d = c >> 2
    const w = (a ? x - ix : 1 - x + ix) * (b ? y - iy : 1 - y + iy) * (d ? z - iz : 1 - z + iz)
    if (w === 0) continue
    const t = tableIndex(ix + a, iy + b, iz + d)
    out[0] += (w * tables.warpX[t]!) / 256
    out[1] += (w * tables.warpY[t]!) / 256
    out[2] += (w * tables.warpZ[t]!) / 256
  }
}

/** Spheres with their centres carried into bent space: x, y, z, r squared, four numbers a row. */
export function bentSpheres(
  tables: NoiseTables,
  s: PhantomScene['lines'] | PhantomScene['mitochondria'],
): Float64Array {
  const out = new Float64Array(4 * s.x.length)
  const w = new Float64Array(3)
  for (let i = 0; i < s.x.length; i++) {
    warpAt(tables, s.x[i]!, s.y[i]!, s.z[i]!, w)
    out[4 * i] = s.x[i]! + w[0]!
    out[4 * i + 1] = s.y[i]! + w[1]!
    out[4 * i + 2] = s.z[i]! + w[2]!
    out[4 * i + 3] = s.r[i]! * s.r[i]!
  }
  return out
}

/**
 * The field of a scene over a box of specimen voxels. `leaf` (8, 16 or 32) trades the time to build against the time to ask.
 */
export function makeField(seed: number, lines: PhantomScene['lines'], box: Box, leaf: number = cellSize): Field {
  const tables = noiseTables(seed)
  const spheres = bentSpheres(tables, lines)
  const low = box.min.map(v => v - tables.largestWarp)
  const high = box.max.map(v => v + tables.largestWarp)
  const min = low.map(v => Math.floor(v / root) * (root / leaf))
  const n = high.map((v, a) => Math.ceil(v / root) * (root / leaf) - min[a]!)
  const cells = n[0]! * n[1]! * n[2]!
  const field = {
    starts: new Int32Array(cells),
    middles: new Int32Array(cells),
    ends: new Int32Array(cells),
    candidates: new Int32Array(cells * 16),
  }
  const rows = lines.x.length
  const lists = [0, 1, 2, 3, 4].map(() => new Int32Array(rows))
  const power = new Float64Array(rows)
  let used = 0
  const all = Int32Array.from({ length: rows }, (_, i) => i)

  /** Narrows `list` (of `length` rows) to a cube of `size` with low corner (x, y, z), halving it down to leaves. */
  const divide = (level: number, list: Int32Array, length: number, x: number, y: number, z: number, size: number) => {
    if (x > high[0]! || y > high[1]! || z > high[2]! || x + size < low[0]! || y + size < low[1]! || z + size < low[2]!)
      return
    const half = size / 2
    const near = lists[level]!
    const kept = prune(spheres, list, length, x + half, y + half, z + half, half + seen, near, power)
    if (size > leaf) {
      for (let c = 0; c < 8; c++)
        divide(level + 1, near, kept, x + (c & 1) * half, y + ((c >> 1) & 1) * half, z + (c >> 2) * half, half)
      return
    }
    const cell = x / leaf - min[0]! + n[0]! * (y / leaf - min[1]! + n[1]! * (z / leaf - min[2]!))
    if (used + kept > field.candidates.length)
      field.candidates = longer(field.candidates, 2 * field.candidates.length + kept)
    field.starts[cell] = used
    const inner = lists[level + 1]!
    const innerCount = prune(spheres, near, kept, x + half, y + half, z + half, half, inner, power)
    for (let i = 0; i < innerCount; i++) field.candidates[used++] = inner[i]!
    field.middles[cell] = used
    // Both lists are in the same order.
    for (let i = 0, k = 0; i < kept; i++)
      if (k < innerCount && inner[k] === near[i]) k++
      else field.candidates[used++] = near[i]!
    field.ends[cell] = used
  }
  for (let k = 0; k < n[2]!; k += root / leaf)
    for (let j = 0; j < n[1]!; j += root / leaf)
      for (let i = 0; i < n[0]!; i += root / leaf)
        divide(0, all, rows, (min[0]! + i) * leaf, (min[1]! + j) * leaf, (min[2]! + k) * leaf, root)
  return { tables, spheres, owner: lines.owner, cells: { size: leaf, min, n }, ...field }
}

/** How many of the nearest rows to a centre the others are held against. */
const rivals = 8

/**
 * Keeps in `out` the rows that can be nearest somewhere in a cube. A row goes if one single rival beats it everywhere:
 * the difference of two power distances is linear in space, so its least value over the cube is known exactly.
 * @returns how many were kept
 */
function prune(
  s: Float64Array,
  rows: Int32Array,
  length: number,
  cx: number,
  cy: number,
  cz: number,
  half: number,
  out: Int32Array,
  power: Float64Array,
): number {
  const best = new Int32Array(rivals).fill(-1)
  for (let i = 0; i < length; i++) {
    const o = 4 * rows[i]!
    const dx = s[o]! - cx
    const dy = s[o + 1]! - cy
    const dz = s[o + 2]! - cz
    const p = dx * dx + dy * dy + dz * dz - s[o + 3]!
    power[i] = p
    let slot = rivals
    while (slot > 0 && (best[slot - 1]! < 0 || power[best[slot - 1]!]! > p)) {
      if (slot < rivals) best[slot] = best[slot - 1]!
      slot--
    }
    if (slot < rivals) best[slot] = i
  }
  let kept = 0
  for (let i = 0; i < length; i++) {
    let lost = false
    for (let k = 0; k < rivals && !lost; k++) {
      const by = best[k]!
      lost = by >= 0 && by !== i && beaten(s, rows[i]!, rows[by]!, power[i]! - power[by]!, half)
    }
    if (!lost) out[kept++] = rows[i]!
  }
  return kept
}

function beaten(s: Float64Array, row: number, by: number, excess: number, half: number): boolean {
  const o = 4 * row
  const q = 4 * by
  const slope = Math.abs(s[o]! - s[q]!) + Math.abs(s[o + 1]! - s[q + 1]!) + Math.abs(s[o + 2]! - s[q + 2]!)
  return excess > 2 * half * slope
}
