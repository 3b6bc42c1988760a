// Bends the tiles of one section a little, each by a mesh of its own, until their overlaps agree (lens distortion, drift).
import { latticeAt, latticeWeights } from './lattice.ts'
import { addEntry, endRow, leastSquares, makeRows, rowTimes } from './least-squares.ts'
import type { Rows } from './least-squares.ts'
import type { SeamMatch } from './seams.ts'
import type { Lattice, SectionTile } from './section-types.ts'

/** Distance of the nodes, pixels of a tile. */
const spacing = 64
/** Stiffness against bending and pull to the undistorted place, relative to one match. */
const bending = 0.5
const pull = 1e-4

export interface Mesh {
  readonly tiles: readonly { readonly nx: number; readonly ny: number; readonly first: number }[]
  readonly x: Float64Array
  readonly y: Float64Array
  readonly residuals: number[]
}

/** Displacements w per tile so that a pixel u lies at u + nominal + shift + w(u) and matches meet. */
export function solveMesh(
  tiles: readonly SectionTile[],
  matches: readonly SeamMatch[],
  shiftX: Float64Array,
  shiftY: Float64Array,
): Mesh {
  let unknowns = 0
  const grids = tiles.map(t => {
    const nx = Math.ceil((t.width - 1) / spacing) + 1
    const ny = Math.ceil((t.height - 1) / spacing) + 1
    const first = unknowns
    unknowns += nx * ny
    return { nx, ny, first, spacing, x0: 0, y0: 0 }
  })
  const rows = makeRows(unknowns)
  const nodes = new Int32Array(4)
  const weights = new Float64Array(4)
  for (const m of matches) {
    for (const [tile, x, y, sign] of [
      [m.b, m.bx, m.by, 1],
      [m.a, m.ax, m.ay, -1],
    ] as const) {
      latticeWeights(grids[tile]!, x, y, nodes, weights)
      for (let k = 0; k < 4; k++) addEntry(rows, grids[tile]!.first + nodes[k]!, sign * weights[k]!)
    }
    const a = tiles[m.a]!
    const b = tiles[m.b]!
    endRow(
      rows,
      a.x + shiftX[m.a]! + m.ax - b.x - shiftX[m.b]! - m.bx,
      a.y + shiftY[m.a]! + m.ay - b.y - shiftY[m.b]! - m.by,
      m.score,
    )
  }
  for (const g of grids) addBending(rows, g.first, g.nx, g.ny, bending)
  for (let i = 0; i < unknowns; i++) {
    addEntry(rows, i, 1)
    endRow(rows, 0, 0, pull)
  }
  const x = new Float64Array(unknowns)
  const y = new Float64Array(unknowns)
  let residuals: number[] = []
  for (let round = 0; round < 4; round++) {
    leastSquares(rows, rows.rightX, x, 500, 1e-6)
    leastSquares(rows, rows.rightY, y, 500, 1e-6)
    residuals = matches.map((_, k) =>
      Math.hypot(rowTimes(rows, k, x) - rows.rightX[k]!, rowTimes(rows, k, y) - rows.rightY[k]!),
    )
    matches.forEach((m, k) => {
      const q = residuals[k]!
      rows.weight[k] = m.score / ((1 + q * q) * (1 + q * q))
    })
  }
  return { tiles: grids, x, y, residuals }
}

/** Rows for the second differences of an nx x ny grid of unknowns: along x, along y and across. */
export function addBending(rows: Rows, first: number, nx: number, ny: number, weight: number): void {
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) {
      const n = first + j * nx + i
      if (i > 0 && i < nx - 1) {
        addEntry(rows, n - 1, 1)
        addEntry(rows, n, -2)
        addEntry(rows, n + 1, 1)
        endRow(rows, 0, 0, weight)
      }
      if (j > 0 && j < ny - 1) {
        addEntry(rows, n - nx, 1)
        addEntry(rows, n, -2)
        addEntry(rows, n + nx, 1)
        endRow(rows, 0, 0, weight)
      }
      if (i < nx - 1 && j < ny - 1) {
        addEntry(rows, n, 1)
        addEntry(rows, n + 1, -1)
        addEntry(rows, n + nx, -1)
        addEntry(rows, n + nx + 1, 1)
        endRow(rows, 0, 0, 2 * weight)
      }
    }
}

/** The mesh of one tile the other way round: g with u = q + g(q) where q is u moved by the mesh. Three fixed-point steps. */
export function meshLattice(mesh: Mesh, tile: number): Lattice {
  const { nx, ny, first } = mesh.tiles[tile]!
  const forward = {
    spacing,
    nx,
    ny,
    x0: 0,
    y0: 0,
    dx: mesh.x.slice(first, first + nx * ny),
    dy: mesh.y.slice(first, first + nx * ny),
  }
  const dx: number[] = []
  const dy: number[] = []
  const w = new Float64Array(2)
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) {
      let gx = 0
      let gy = 0
      for (let step = 0; step < 3; step++) {
        latticeAt(forward, i * spacing + gx, j * spacing + gy, w)
        gx = -w[0]!
        gy = -w[1]!
      }
      dx.push(gx)
      dy.push(gy)
    }
  return { spacing, nx, ny, x0: 0, y0: 0, dx, dy }
}
