// Displacements on a coarse grid of nodes, read between them.
import type { Lattice } from './section-types.ts'

/** Writes the displacement at (x, y) to out[0], out[1]: bilinear between the nodes, constant beyond the outermost. */
export function latticeAt(l: Lattice<Float32Array | Float64Array>, x: number, y: number, out: Float64Array): void {
  const fx = Math.max(0, Math.min(l.nx - 1, (x - l.x0) / l.spacing))
  const fy = Math.max(0, Math.min(l.ny - 1, (y - l.y0) / l.spacing))
  const i = Math.max(0, Math.min(l.nx - 2, Math.floor(fx)))
  const j = Math.max(0, Math.min(l.ny - 2, Math.floor(fy)))
  const s = fx - i
  const t = fy - j
  const n = j * l.nx + i
  const right = l.nx > 1 ? 1 : 0
  const below = l.ny > 1 ? l.nx : 0
  const w00 = (1 - s) * (1 - t)
  const w10 = s * (1 - t)
  const w01 = (1 - s) * t
  const w11 = s * t
  out[0] = w00 * l.dx[n]! + w10 * l.dx[n + right]! + w01 * l.dx[n + below]! + w11 * l.dx[n + right + below]!
  out[1] = w00 * l.dy[n]! + w10 * l.dy[n + right]! + w01 * l.dy[n + below]! + w11 * l.dy[n + right + below]!
}

/** The four nodes around (x, y) and their weights, for the rows of a linear system. */
export function latticeWeights(
  l: Pick<Lattice, 'spacing' | 'nx' | 'ny' | 'x0' | 'y0'>,
  x: number,
  y: number,
  nodes: Int32Array,
  weights: Float64Array,
): void {
  const fx = Math.max(0, Math.min(l.nx - 1, (x - l.x0) / l.spacing))
  const fy = Math.max(0, Math.min(l.ny - 1, (y - l.y0) / l.spacing))
  const i = Math.max(0, Math.min(l.nx - 2, Math.floor(fx)))
  const j = Math.max(0, Math.min(l.ny - 2, Math.floor(fy)))
  const s = fx - i
  const t = fy - j
  const right = l.nx > 1 ? 1 : 0
  const below = l.ny > 1 ? l.nx : 0
  nodes[0] = j * l.nx + i
  nodes[1] = nodes[0]! + right
  nodes[2] = nodes[0]! + below
  nodes[3] = nodes[0]! + right + below
  weights[0] = (1 - s) * (1 - t)
  weights[1] = s * (1 - t)
  weights[2] = (1 - s) * t
  weights[3] = s * t
}

/** A lattice read from JSON, with typed arrays for fast reading. */
export const typedLattice = (l: Lattice): Lattice<Float32Array> => ({
  spacing: l.spacing,
  nx: l.nx,
  ny: l.ny,
  x0: l.x0,
  y0: l.y0,
  dx: Float32Array.from(l.dx),
  dy: Float32Array.from(l.dy),
})
