// Which neurite owns a point, and how far is its membrane: a power diagram of the centre-line spheres in bent space.
import type { Box } from '../types.ts'
import { noiseTables, tableIndex } from './noise.ts'
import type { NoiseTables } from './noise.ts'
import type { PhantomScene } from './types.ts'

/** Side of the cells that hold candidate lists when many voxels are asked for. */
export const cellSize = 8
/** Where the division into cells begins. */
const root = 64

export interface Field {
  readonly tables: NoiseTables
  /** Spheres in bent space: x, y, z, radius squared, four numbers a row. */
  readonly spheres: Float64Array
  readonly owner: Uint32Array
  /** Cells of `size` voxels of bent space, `n` of them from cell `min`; cell c holds candidates[starts[c] .. ends[c]). */
  readonly cells: { readonly size: number; readonly min: readonly number[]; readonly n: readonly number[] }
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly candidates: Int32Array
}

/** Displacement into bent space at a point, by trilinear interpolation of the tables (exact at integer points). */
export function warpAt(tables: NoiseTables, x: number, y: number, z: number, out: Float64Array): void {
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
  const field = { starts: new Int32Array(cells), ends: new Int32Array(cells), candidates: new Int32Array(cells * 16) }
  const rows = lines.x.length
  const scratch = { lists: [0, 1, 2, 3, 4].map(() => new Int32Array(rows)), power: new Float64Array(rows), used: 0 }
  const all = Int32Array.from({ length: rows }, (_, i) => i)

  /** Narrows `list` (of `length` rows) to a cube of `size` with low corner (x, y, z), halving it down to leaves. */
  const divide = (level: number, list: Int32Array, length: number, x: number, y: number, z: number, size: number) => {
    if (x > high[0]! || y > high[1]! || z > high[2]! || x + size < low[0]! || y + size < low[1]! || z + size < low[2]!)
      return
    const half = size / 2
    const near = scratch.lists[level]!
    const kept = prune(spheres, lines.owner, list, length, x + half, y + half, z + half, half, near, scratch.power)
    if (size > leaf) {
      for (let c = 0; c < 8; c++)
        divide(level + 1, near, kept, x + (c & 1) * half, y + ((c >> 1) & 1) * half, z + (c >> 2) * half, half)
      return
    }
    const cell = x / leaf - min[0]! + n[0]! * (y / leaf - min[1]! + n[1]! * (z / leaf - min[2]!))
    if (scratch.used + kept > field.candidates.length) {
      const more = new Int32Array(2 * field.candidates.length + kept)
      more.set(field.candidates)
      field.candidates = more
    }
    field.starts[cell] = scratch.used
    for (let i = 0; i < kept; i++) field.candidates[scratch.used++] = near[i]!
    field.ends[cell] = scratch.used
  }
  for (let k = 0; k < n[2]!; k += root / leaf)
    for (let j = 0; j < n[1]!; j += root / leaf)
      for (let i = 0; i < n[0]!; i += root / leaf)
        divide(0, all, rows, (min[0]! + i) * leaf, (min[1]! + j) * leaf, (min[2]! + k) * leaf, root)
  return { tables, spheres, owner: lines.owner, cells: { size: leaf, min, n }, ...field }
}

/**
 * Keeps in `out` the rows that can be nearest, or nearest of another owner than the nearest, somewhere in a cube.
 * Exact: the difference of two power distances is linear in space, so its least value over the cube is known.
 * @returns how many were kept
 */
function prune(
  s: Float64Array,
  owner: Uint32Array,
  rows: Int32Array,
  length: number,
  cx: number,
  cy: number,
  cz: number,
  half: number,
  out: Int32Array,
  power: Float64Array,
): number {
  // The nearest sphere to the centre, and the nearest of another owner.
  let p1 = Infinity
  let p2 = Infinity
  let k1 = -1
  let k2 = -1
  for (let i = 0; i < length; i++) {
    const row = rows[i]!
    const o = 4 * row
    const dx = s[o]! - cx
    const dy = s[o + 1]! - cy
    const dz = s[o + 2]! - cz
    const p = dx * dx + dy * dy + dz * dz - s[o + 3]!
    power[i] = p
    if (p >= p2) continue
    if (p < p1) {
      if (k1 >= 0 && owner[row] !== owner[k1]) {
        p2 = p1
        k2 = k1
      }
      p1 = p
      k1 = row
    } else if (owner[row] !== owner[k1]) {
      p2 = p
      k2 = row
    }
  }
  let kept = 0
  for (let i = 0; i < length; i++) {
    const row = rows[i]!
    // A row that both of these beat everywhere in the cube can be neither.
    const lost = k2 >= 0 && beaten(s, row, k1, power[i]! - p1, half) && beaten(s, row, k2, power[i]! - p2, half)
    if (!lost) out[kept++] = row
  }
  return kept
}

function beaten(s: Float64Array, row: number, by: number, excess: number, half: number): boolean {
  const o = 4 * row
  const q = 4 * by
  const slope = Math.abs(s[o]! - s[q]!) + Math.abs(s[o + 1]! - s[q + 1]!) + Math.abs(s[o + 2]! - s[q + 2]!)
  return excess > 2 * half * slope
}

/** What the field says of a run of voxels along x. */
export interface FieldRow {
  /** Owner of each voxel, and the other owner nearest to it (0: none). */
  readonly owner: Uint32Array
  readonly other: Uint32Array
  /** Distance to the boundary between the two, voxels. */
  readonly distance: Float64Array
  /** Bent coordinates, and the cell that they lie in. */
  readonly x: Float64Array
  readonly y: Float64Array
  readonly z: Float64Array
  readonly cell: Int32Array
}

export const fieldRow = (length: number): FieldRow => ({
  owner: new Uint32Array(length),
  other: new Uint32Array(length),
  distance: new Float64Array(length),
  x: new Float64Array(length),
  y: new Float64Array(length),
  z: new Float64Array(length),
  cell: new Int32Array(length),
})

/** Asks the field at the integer points (x .. x + length - 1, y, z), which must lie in its box; results go into `out`. */
export function probeRow(f: Field, x: number, y: number, z: number, length: number, out: FieldRow): void {
  const { spheres, owner, starts, ends, candidates } = f
  const { size } = f.cells
  const { warpX, warpY, warpZ } = f.tables
  const [cx, cy, cz] = f.cells.min as readonly [number, number, number]
  const [nx, ny] = f.cells.n as readonly [number, number]
  for (let i = 0; i < length; i++) {
    const t = tableIndex(x + i, y, z)
    const qx = x + i + warpX[t]! / 256
    const qy = y + warpY[t]! / 256
    const qz = z + warpZ[t]! / 256
    const cell = Math.floor(qx / size) - cx + nx * (Math.floor(qy / size) - cy + ny * (Math.floor(qz / size) - cz))
    // The nearest sphere by power distance, and the nearest of another owner.
    let p1 = Infinity
    let p2 = Infinity
    let s1 = 0
    let s2 = 0
    let o1 = 0
    let o2 = 0
    const end = ends[cell]!
    for (let c = starts[cell]!; c < end; c++) {
      const row = candidates[c]!
      const s = row << 2
      const dx = spheres[s]! - qx
      const dy = spheres[s + 1]! - qy
      const dz = spheres[s + 2]! - qz
      const p = dx * dx + dy * dy + dz * dz - spheres[s + 3]!
      if (p >= p2) continue
      const o = owner[row]!
      if (p < p1) {
        if (o !== o1) {
          p2 = p1
          s2 = s1
          o2 = o1
        }
        p1 = p
        s1 = s
        o1 = o
      } else if (o !== o1) {
        p2 = p
        s2 = s
        o2 = o
      }
    }
    out.owner[i] = o1
    out.other[i] = o2
    out.x[i] = qx
    out.y[i] = qy
    out.z[i] = qz
    out.cell[i] = cell
    if (o2 === 0) {
      out.distance[i] = 99
      continue
    }
    const ax = spheres[s1]! - spheres[s2]!
    const ay = spheres[s1 + 1]! - spheres[s2 + 1]!
    const az = spheres[s1 + 2]! - spheres[s2 + 2]!
    out.distance[i] = (p2 - p1) / (2 * Math.sqrt(ax * ax + ay * ay + az * az))
  }
}
