// Displacements on a coarse grid of nodes, read between them.
import type { Grid, Lattice } from './section-types.ts'

/** The node before (x, y), the steps to the next along each axis, and how far on the way there it is: constant beyond the outermost. */
function locate(l: Grid, x: number, y: number) {
  const fx = Math.max(0, Math.min(l.nx - 1, (x - l.x0) / l.spacing))
  const fy = Math.max(0, Math.min(l.ny - 1, (y - l.y0) / l.spacing))
  const i = Math.max(0, Math.min(l.nx - 2, Math.floor(fx)))
  const j = Math.max(0, Math.min(l.ny - 2, Math.floor(fy)))
  return { n: j * l.nx + i, right: l.nx > 1 ? 1 : 0, below: l.ny > 1 ? l.nx : 0, s: fx - i, t: fy - j }
}

/** Writes the displacement at (x, y) to out[0], out[1]: bilinear between the nodes. */
export function latticeAt(l: Lattice<Float32Array | Float64Array>, x: number, y: number, out: Float64Array): void {
  const { n, right, below, s, t } = locate(l, x, y)
  const w00 = (1 - s) * (1 - t)
  const w10 = s * (1 - t)
  const w01 = (1 - s) * t
  const w11 = s * t
  out[0] = w00 * l.dx[n]! + w10 * l.dx[n + right]! + w01 * l.dx[n + below]! + w11 * l.dx[n + right + below]!
  out[1] = w00 * l.dy[n]! + w10 * l.dy[n + right]! + w01 * l.dy[n + below]! + w11 * l.dy[n + right + below]!
}

/** The four nodes around (x, y) and their weights, for the rows of a linear system. */
export function latticeWeights(l: Grid, x: number, y: number, nodes: Int32Array, weights: Float64Array): void {
  const { n, right, below, s, t } = locate(l, x, y)
  nodes.set([n, n + right, n + below, n + right + below])
  weights.set([(1 - s) * (1 - t), s * (1 - t), (1 - s) * t, s * t])
}

/** A lattice read from JSON, with typed arrays for fast reading. */
export const typedLattice = (l: Lattice): Lattice<Float32Array> => ({
  ...l,
  dx: Float32Array.from(l.dx),
  dy: Float32Array.from(l.dy),
})
