// Bends the tiles of one section a little until their overlaps agree: all of them by the lens, each by a mesh of its own (drift).
import { latticeAt, latticeWeights } from '../sections/lattice.ts'
import { addEntry, addRow, endRow, makeRows, solveRobustly } from '../sections/least-squares.ts'
import type { Rows } from '../sections/least-squares.ts'
import { lensOf } from '../sections/lens.ts'
import type { SeamMatch } from '../sections/seams.ts'
import type { Lattice, TilePlace } from '../sections/section-types.ts'

/** Distance of the nodes, pixels of a tile. */
const spacing = 64
/** Stiffness against bending and pull to the undistorted place, relative to one match. */
const bending = 0.5
const pull = 1e-4

/**
 * Displacements w per tile, those of the lens and its own, so that a pixel u lies at u + nominal + shift + w(u) and matches meet. `lattices` has them the
 * other way round: g with u = q + g(q) where q is u moved by the mesh.
 */
export function solveMesh(
  tiles: readonly TilePlace[],
  matches: readonly SeamMatch[],
  shiftX: Float64Array,
  shiftY: Float64Array,
): { lattices: Lattice[]; residuals: number[] } {
  const lens = lensOf(tiles, matches)
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
  const addPlace = (tile: number, x: number, y: number, sign: number) => {
    latticeWeights(grids[tile]!, x, y, nodes, weights)
    for (let k = 0; k < 4; k++) addEntry(rows, grids[tile]!.first + nodes[k]!, sign * weights[k]!)
  }
  for (const m of matches) {
    addPlace(m.b, m.bx, m.by, 1)
    addPlace(m.a, m.ax, m.ay, -1)
    const a = tiles[m.a]!
    const b = tiles[m.b]!
    const [lensA, lensB] = [lens(m.ax, m.ay), lens(m.bx, m.by)]
    const right = a.x + shiftX[m.a]! + m.ax + lensA[0] - b.x - shiftX[m.b]! - m.bx - lensB[0]
    const down = a.y + shiftY[m.a]! + m.ay + lensA[1] - b.y - shiftY[m.b]! - m.by - lensB[1]
    endRow(rows, right, down, m.score)
  }
  for (const g of grids) addBending(rows, g.first, g.nx, g.ny, bending)
  for (let i = 0; i < unknowns; i++) addRow(rows, [i], [1], pull)
  const { x, y, residuals } = solveRobustly(rows, matches, 4, 500, 1e-6, () => 1)
  const lattices = grids.map(({ first, ...grid }) => {
    const nodes = Array.from({ length: grid.nx * grid.ny }, (_, k) => k)
    const bent = nodes.map(k => lens((k % grid.nx) * spacing, Math.floor(k / grid.nx) * spacing))
    const dx = Float64Array.from(nodes, k => x[first + k]! + bent[k]![0])
    const dy = Float64Array.from(nodes, k => y[first + k]! + bent[k]![1])
    return inverse({ ...grid, dx, dy })
  })
  return { lattices, residuals }
}

/** Rows for the second differences of an nx x ny grid of unknowns: along x, along y and across. */
export function addBending(rows: Rows, first: number, nx: number, ny: number, weight: number): void {
  const bend = (n: number, step: number) => addRow(rows, [n - step, n, n + step], [1, -2, 1], weight)
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) {
      const n = first + j * nx + i
      if (i > 0 && i < nx - 1) bend(n, 1)
      if (j > 0 && j < ny - 1) bend(n, nx)
      if (i < nx - 1 && j < ny - 1) addRow(rows, [n, n + 1, n + nx, n + nx + 1], [1, -1, -1, 1], 2 * weight)
    }
}

/** Three fixed-point steps. */
function inverse(forward: Lattice<Float64Array>): Lattice {
  const dx: number[] = []
  const dy: number[] = []
  const w = new Float64Array(2)
  for (let j = 0; j < forward.ny; j++)
    for (let i = 0; i < forward.nx; i++) {
      let [gx, gy] = [0, 0]
      for (let step = 0; step < 3; step++) {
        latticeAt(forward, i * spacing + gx, j * spacing + gy, w)
        gx = -w[0]!
        gy = -w[1]!
      }
      dx.push(gx)
      dy.push(gy)
    }
  return { ...forward, dx, dy }
}
