// Which neurite owns a point, and how far is its membrane: a power diagram of the centre-line spheres in bent space.
import type { Box } from '../types.ts'
import { noiseTables, tableIndex } from './noise.ts'
import type { NoiseTables } from './noise.ts'
import type { PhantomScene } from './types.ts'

/** Cells of the candidate lists, in voxels of bent space. */
export const cellSize = 8
const coarse = 4

export interface Field {
  readonly tables: NoiseTables
  /** Spheres in bent space: x, y, z, radius squared, four numbers a row. */
  readonly spheres: Float64Array
  readonly owner: Uint32Array
  /** Cell (i, j, k) of `cells` holds rows candidates[starts[c] .. starts[c + 1]), c = i + nx * (j + ny * k). */
  readonly cells: { readonly min: readonly number[]; readonly n: readonly number[] }
  readonly starts: Int32Array
  readonly candidates: Int32Array
}

/** No displacement is larger than this, voxels; the tables keep to it with room to spare. */
export const largestWarp = 24

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
export function bentSpheres(tables: NoiseTables, s: PhantomScene['lines'] | PhantomScene['mitochondria']): Float64Array {
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

/** The field of a scene over a box of specimen voxels. */
export function makeField(seed: number, lines: PhantomScene['lines'], box: Box): Field {
  const tables = noiseTables(seed)
  const spheres = bentSpheres(tables, lines)
  const size = cellSize * coarse
  const min = box.min.map(v => Math.floor((v - largestWarp) / size) * coarse)
  const max = box.max.map(v => Math.ceil((v + largestWarp) / size) * coarse)
  const n = max.map((v, a) => v - min[a]!)
  const lists: Int32Array[] = Array.from({ length: n[0]! * n[1]! * n[2]! })
  const all = Int32Array.from({ length: lines.x.length }, (_, i) => i)
  let total = 0
  for (let k = 0; k < n[2]!; k += coarse)
    for (let j = 0; j < n[1]!; j += coarse)
      for (let i = 0; i < n[0]!; i += coarse) {
        const near = prune(spheres, lines.owner, all, center(min, i, j, k, size), size / 2)
        for (let c = 0; c < coarse ** 3; c++) {
          const ii = i + (c % coarse)
          const jj = j + (Math.floor(c / coarse) % coarse)
          const kk = k + Math.floor(c / (coarse * coarse))
          const list = prune(spheres, lines.owner, near, center(min, ii, jj, kk, cellSize), cellSize / 2)
          lists[ii + n[0]! * (jj + n[1]! * kk)] = list
          total += list.length
        }
      }
  const starts = new Int32Array(lists.length + 1)
  const candidates = new Int32Array(total)
  for (let c = 0, at = 0; c < lists.length; c++) {
    candidates.set(lists[c]!, at)
    at += lists[c]!.length
    starts[c + 1] = at
  }
  return { tables, spheres, owner: lines.owner, cells: { min, n }, starts, candidates }
}

const center = (min: readonly number[], i: number, j: number, k: number, size: number): readonly number[] => [
  (min[0]! + i) * cellSize + size / 2,
  (min[1]! + j) * cellSize + size / 2,
  (min[2]! + k) * cellSize + size / 2,
]

/**
 * The rows that can be nearest, or nearest of another owner than the nearest, somewhere in a cube. Exact: the
 * difference of two power distances is linear in space, so its least value over the cube is known.
 */
function prune(
  s: Float64Array,
  owner: Uint32Array,
  rows: Int32Array,
  [cx, cy, cz]: readonly number[],
  half: number,
): Int32Array {
  const power = new Float64Array(rows.length)
  let best = -1
  for (let i = 0; i < rows.length; i++) {
    const o = 4 * rows[i]!
    power[i] = (s[o]! - cx!) ** 2 + (s[o + 1]! - cy!) ** 2 + (s[o + 2]! - cz!) ** 2 - s[o + 3]!
    if (best < 0 || power[i]! < power[best]!) best = i
  }
  let second = -1
  for (let i = 0; i < rows.length; i++)
    if (owner[rows[i]!] !== owner[rows[best]!] && (second < 0 || power[i]! < power[second]!)) second = i
  if (second < 0) return rows.slice()
  let kept = 0
  const out = new Int32Array(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const o = 4 * rows[i]!
    // Beaten everywhere by the nearest and by the second of another owner: can be neither.
    let beaten = true
    for (const rival of [best, second]) {
      const q = 4 * rows[rival]!
      const slope = Math.abs(s[o]! - s[q]!) + Math.abs(s[o + 1]! - s[q + 1]!) + Math.abs(s[o + 2]! - s[q + 2]!)
      if (power[i]! - power[rival]! <= 2 * half * slope) beaten = false
    }
    if (!beaten) out[kept++] = rows[i]!
  }
  return out.slice(0, kept)
}

/** What the field says of one point. */
export interface Probe {
  /** Owner of the point, and the other owner nearest to it (0: none). */
  owner: number
  other: number
  /** Distance to the boundary between the two, voxels. */
  distance: number
}

/** Asks the field at any point of its box; results go into `out`. */
export function probe(f: Field, x: number, y: number, z: number, out: Probe): void {
  const w = new Float64Array(3)
  warpAt(f.tables, x, y, z, w)
  const qx = x + w[0]!
  const qy = y + w[1]!
  const qz = z + w[2]!
  const { min, n } = f.cells
  const c =
    Math.floor(qx / cellSize) -
    min[0]! +
    n[0]! * (Math.floor(qy / cellSize) - min[1]! + n[1]! * (Math.floor(qz / cellSize) - min[2]!))
  let p1 = Infinity
  let p2 = Infinity
  let k1 = -1
  let k2 = -1
  for (let i = f.starts[c]!; i < f.starts[c + 1]!; i++) {
    const row = f.candidates[i]!
    const p =
      (f.spheres[4 * row]! - qx) ** 2 +
      (f.spheres[4 * row + 1]! - qy) ** 2 +
      (f.spheres[4 * row + 2]! - qz) ** 2 -
      f.spheres[4 * row + 3]!
    if (p < p1) {
      if (k1 < 0 || f.owner[row] !== f.owner[k1]) {
        p2 = p1
        k2 = k1
      }
      p1 = p
      k1 = row
    } else if (p < p2 && f.owner[row] !== f.owner[k1]) {
      p2 = p
      k2 = row
    }
  }
  out.owner = k1 < 0 ? 0 : f.owner[k1]!
  out.other = k2 < 0 ? 0 : f.owner[k2]!
  out.distance = k2 < 0 ? 99 : (p2 - p1) / (2 * Math.sqrt(apart(f.spheres, k1, k2)))
}

function apart(s: Float64Array, a: number, b: number): number {
  return (s[4 * a]! - s[4 * b]!) ** 2 + (s[4 * a + 1]! - s[4 * b + 1]!) ** 2 + (s[4 * a + 2]! - s[4 * b + 2]!) ** 2
}

