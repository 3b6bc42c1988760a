// Asks the field of neurites: who owns a voxel, who is its neighbour, and how far is the boundary between them?
import { seen, type Field } from './field.ts'
import { tableIndex, type NoiseTables } from './noise.ts'

/** What the field says of a run of voxels along x. */
export interface FieldRow {
  /** Owner of each voxel, and the other owner nearest to it (0: none in sight). */
  readonly owner: Uint32Array
  readonly other: Uint32Array
  /** Distance to the boundary between the two, voxels, at most about `seen`. */
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
  const { spheres, owner, starts, middles, ends, candidates } = f
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
    // The nearest sphere by power distance.
    let least = Infinity
    let k1 = 0
    const end = ends[cell]!
    for (let c = starts[cell]!, middle = middles[cell]!; c < middle; c++) {
      const row = candidates[c]!
      const s = row << 2
      const dx = spheres[s]! - qx
      const dy = spheres[s + 1]! - qy
      const dz = spheres[s + 2]! - qz
      const p = dx * dx + dy * dy + dz * dz - spheres[s + 3]!
      if (p >= least) continue
      least = p
      k1 = row
    }
    // The nearest of the planes that part it from spheres of other owners: twice the distance, squared.
    const o1 = owner[k1]!
    const x1 = spheres[4 * k1]!
    const y1 = spheres[4 * k1 + 1]!
    const z1 = spheres[4 * k1 + 2]!
    let nearest = 4 * seen * seen
    let k2 = -1
    for (let c = starts[cell]!; c < end; c++) {
      const row = candidates[c]!
      if (owner[row] === o1) continue
      const s = row << 2
      const bx = spheres[s]!
      const by = spheres[s + 1]!
      const bz = spheres[s + 2]!
      const more = (bx - qx) * (bx - qx) + (by - qy) * (by - qy) + (bz - qz) * (bz - qz) - spheres[s + 3]! - least
      const apart = (bx - x1) * (bx - x1) + (by - y1) * (by - y1) + (bz - z1) * (bz - z1)
      if (more * more >= nearest * apart) continue
      nearest = (more * more) / apart
      k2 = row
    }
    out.owner[i] = o1
    out.other[i] = k2 < 0 ? 0 : owner[k2]!
    out.x[i] = qx
    out.y[i] = qy
    out.z[i] = qz
    out.cell[i] = cell
    if (k2 < 0) {
      out.distance[i] = seen
      continue
    }
    const bent = Math.sqrt(nearest) / 2
    const b = 4 * k2
    const factor = stretch(f.tables, x + i, y, z, t, spheres[b]! - x1, spheres[b + 1]! - y1, spheres[b + 2]! - z1)
    // The nearer the boundary, the more the true length counts, so that nothing jumps where boundaries come into sight.
    out.distance[i] = bent / (1 + (factor - 1) * (1 - bent / seen))
  }
}

/**
 * How much the bending of space at (x, y, z) (table index t) stretches lengths along direction a, at least 0.4: the
 * length of the unit vector along a, carried through the transposed Jacobian by forward differences.
 */
function stretch(
  { warpX, warpY, warpZ }: NoiseTables,
  x: number,
  y: number,
  z: number,
  t: number,
  ax: number,
  ay: number,
  az: number,
): number {
  const tx = tableIndex(x + 1, y, z)
  const ty = tableIndex(x, y + 1, z)
  const tz = tableIndex(x, y, z + 1)
  const here = warpX[t]! * ax + warpY[t]! * ay + warpZ[t]! * az
  const gx = ax + (warpX[tx]! * ax + warpY[tx]! * ay + warpZ[tx]! * az - here) / 256
  const gy = ay + (warpX[ty]! * ax + warpY[ty]! * ay + warpZ[ty]! * az - here) / 256
  const gz = az + (warpX[tz]! * ax + warpY[tz]! * ay + warpZ[tz]! * az - here) / 256
  return Math.max(0.4, Math.sqrt((gx * gx + gy * gy + gz * gz) / (ax * ax + ay * ay + az * az)))
}
