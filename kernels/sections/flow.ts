// Displacements measured on a lattice: outliers out, gaps filled, and the affine transform that fits them.
import { median } from './least-squares.ts'
import type { Affine } from './section-types.ts'

/** x fastest. Confidence 0 marks a displacement that was not measured. */
export type Flow = Readonly<Record<'nx' | 'ny', number> & Record<'dx' | 'dy' | 'confidence', Float64Array>>

/** Half side, in nodes, of the surroundings that a node is compared with. */
const reach = 2

/** Calls `visit` for the measured nodes up to r away from node (i, j) along each axis but for itself, in raster order. */
function around(
  f: Flow,
  i: number,
  j: number,
  r: number,
  visit: (node: number, squaredDistance: number) => void,
): void {
  for (let v = Math.max(0, j - r); v <= Math.min(f.ny - 1, j + r); v++)
    for (let u = Math.max(0, i - r); u <= Math.min(f.nx - 1, i + r); u++)
      if ((u !== i || v !== j) && f.confidence[v * f.nx + u]! > 0)
        visit(v * f.nx + u, (u - i) * (u - i) + (v - j) * (v - j))
}

/**
 * Sets the confidence of nodes below `minScore`, and of those more than `tolerance` from the median of their surroundings,
 * to 0, and gives them a mean of the nearest good ones.
 */
export function smoothFlow(f: Flow, minScore: number, tolerance: number): void {
  const { nx, ny, dx, dy, confidence } = f
  for (let k = 0; k < nx * ny; k++) if (confidence[k]! < minScore) confidence[k] = 0
  const all = Array.from(confidence.keys()).filter(k => confidence[k]! > 0)
  const middle = (d: Float64Array, nodes: readonly number[]) => median(nodes.map(k => d[k]!))
  const centre = [middle(dx, all), middle(dy, all)] as const
  const outliers = all.filter(k => {
    const [i, j] = [k % nx, Math.floor(k / nx)]
    let [count, nearX, nearY] = [0, 0, 0]
    around(f, i, j, reach, m => {
      count++
      if (Math.abs(dx[m]! - dx[k]!) < tolerance * Math.SQRT1_2) nearX++
      if (Math.abs(dy[m]! - dy[k]!) < tolerance * Math.SQRT1_2) nearY++
    })
    const alone = count < 4
    // Where most of them are so near along both axes, their medians are.
    if (!alone && 2 * nearX > count && 2 * nearY > count) return false
    const near: number[] = []
    around(f, i, j, reach, m => near.push(m))
    const [mx, my] = alone ? centre : [middle(dx, near), middle(dy, near)]
    const limit = alone ? 2 * tolerance : tolerance
    const [ex, ey] = [dx[k]! - mx, dy[k]! - my]
    return ex * ex + ey * ey > limit * limit
  })
  for (const k of outliers) confidence[k] = 0
  for (let j = 0, k = 0; j < ny; j++)
    for (let i = 0; i < nx; i++, k++) if (confidence[k]! <= 0) [dx[k], dy[k]] = meanAround(f, i, j) ?? centre
}

/** Mean over growing windows, of the good nodes in the smallest that holds two. */
function meanAround(f: Flow, i: number, j: number): readonly [number, number] | undefined {
  for (let r = 1; r < Math.max(f.nx, f.ny); r *= 2) {
    let [count, sum, sumX, sumY] = [0, 0, 0, 0]
    around(f, i, j, r, (m, squaredDistance) => {
      const w = f.confidence[m]! / squaredDistance
      count++
      sum += w
      sumX += w * f.dx[m]!
      sumY += w * f.dy[m]!
    })
    if (count >= 2) return [sumX / sum, sumY / sum]
  }
  return undefined
}

/** Least-squares affine p -> p + d(p) of the good nodes at (x0 + i spacing, y0 + j spacing); a translation when they are few. */
export function affineOf(f: Flow, x0: number, y0: number, spacing: number): Affine {
  const nodes = Array.from(f.confidence.keys()).filter(k => f.confidence[k]! > 0)
  const weight = nodes.reduce((sum, k) => sum + f.confidence[k]!, 0)
  if (weight === 0) return [1, 0, 0, 0, 1, 0]
  const x = (k: number) => x0 + (k % f.nx) * spacing
  const y = (k: number) => y0 + Math.floor(k / f.nx) * spacing
  const mean = (value: (k: number) => number) => nodes.reduce((sum, k) => sum + f.confidence[k]! * value(k), 0) / weight
  const [mx, my, mu, mv] = [mean(x), mean(y), mean(k => f.dx[k]!), mean(k => f.dy[k]!)]
  let [xx, xy, yy, xu, yu, xv, yv] = [0, 0, 0, 0, 0, 0, 0]
  for (const k of nodes) {
    const c = f.confidence[k]!
    const [px, py, u, v] = [x(k) - mx, y(k) - my, f.dx[k]! - mu, f.dy[k]! - mv]
    xx += c * px * px
    xy += c * px * py
    yy += c * py * py
    xu += c * px * u
    yu += c * py * u
    xv += c * px * v
    yv += c * py * v
  }
  const det = xx * yy - xy * xy
  if (!(det > 1e-6 * (xx + yy) * (xx + yy))) return [1, 0, mu, 0, 1, mv]
  const a = (yy * xu - xy * yu) / det
  const b = (xx * yu - xy * xu) / det
  const c = (yy * xv - xy * yv) / det
  const d = (xx * yv - xy * xv) / det
  return [1 + a, b, mu - a * mx - b * my, c, 1 + d, mv - c * mx - d * my]
}
