// Displacements measured on a lattice: outliers out, gaps filled, and the affine transform that fits them.
import { median } from './least-squares.ts'
import type { Affine } from './section-types.ts'

/** x fastest. Confidence 0 marks a displacement that was not measured. */
export interface Flow {
  readonly nx: number
  readonly ny: number
  readonly dx: Float64Array
  readonly dy: Float64Array
  readonly confidence: Float64Array
}

/** Half side, in nodes, of the surroundings that a node is compared with. */
const reach = 2

/**
 * Sets the confidence of nodes below `minScore`, and of those more than `tolerance` from the median of their surroundings,
 * to 0, and gives them a mean of the nearest good ones.
 */
export function smoothFlow(f: Flow, minScore: number, tolerance: number): void {
  const { nx, ny, dx, dy, confidence } = f
  const n = nx * ny
  for (let k = 0; k < n; k++) if (confidence[k]! < minScore) confidence[k] = 0
  const all = Array.from({ length: n }, (_, k) => k).filter(k => confidence[k]! > 0)
  const centreX = median(all.map(k => dx[k]!))
  const centreY = median(all.map(k => dy[k]!))
  const outliers: number[] = []
  for (const k of all) {
    const near: number[] = []
    const i = k % nx
    const j = Math.floor(k / nx)
    for (let v = Math.max(0, j - reach); v <= Math.min(ny - 1, j + reach); v++)
      for (let u = Math.max(0, i - reach); u <= Math.min(nx - 1, i + reach); u++)
        if ((u !== i || v !== j) && confidence[v * nx + u]! > 0) near.push(v * nx + u)
    const alone = near.length < 4
    const ex = dx[k]! - (alone ? centreX : median(near.map(m => dx[m]!)))
    const ey = dy[k]! - (alone ? centreY : median(near.map(m => dy[m]!)))
    const limit = alone ? 2 * tolerance : tolerance
    if (ex * ex + ey * ey > limit * limit) outliers.push(k)
  }
  for (const k of outliers) confidence[k] = 0
  fillGaps(f, centreX, centreY)
}

/** Means over growing windows, of the good nodes in the smallest that holds two. */
function fillGaps(f: Flow, otherwiseX: number, otherwiseY: number): void {
  const { nx, ny, dx, dy, confidence } = f
  for (let j = 0, k = 0; j < ny; j++)
    for (let i = 0; i < nx; i++, k++) {
      if (confidence[k]! > 0) continue
      dx[k] = otherwiseX
      dy[k] = otherwiseY
      for (let r = 1; r < Math.max(nx, ny); r *= 2) {
        let count = 0
        let sum = 0
        let sumX = 0
        let sumY = 0
        for (let v = Math.max(0, j - r); v <= Math.min(ny - 1, j + r); v++)
          for (let u = Math.max(0, i - r); u <= Math.min(nx - 1, i + r); u++) {
            const m = v * nx + u
            if (confidence[m]! <= 0) continue
            const w = confidence[m]! / ((u - i) * (u - i) + (v - j) * (v - j))
            count++
            sum += w
            sumX += w * dx[m]!
            sumY += w * dy[m]!
          }
        if (count < 2) continue
        dx[k] = sumX / sum
        dy[k] = sumY / sum
        break
      }
    }
}

/** Least-squares affine p -> p + d(p) of the good nodes at (x0 + i spacing, y0 + j spacing); a translation when they are few. */
export function affineOf(f: Flow, x0: number, y0: number, spacing: number): Affine {
  let w = 0
  let mx = 0
  let my = 0
  let mu = 0
  let mv = 0
  const each = (visit: (x: number, y: number, u: number, v: number, c: number) => void) => {
    for (let j = 0, k = 0; j < f.ny; j++)
      for (let i = 0; i < f.nx; i++, k++)
        if (f.confidence[k]! > 0) visit(x0 + i * spacing, y0 + j * spacing, f.dx[k]!, f.dy[k]!, f.confidence[k]!)
  }
  each((x, y, u, v, c) => {
    w += c
    mx += c * x
    my += c * y
    mu += c * u
    mv += c * v
  })
  if (w === 0) return [1, 0, 0, 0, 1, 0]
  mx /= w
  my /= w
  mu /= w
  mv /= w
  let xx = 0
  let xy = 0
  let yy = 0
  let xu = 0
  let yu = 0
  let xv = 0
  let yv = 0
  each((x, y, u, v, c) => {
    const px = x - mx
    const py = y - my
    xx += c * px * px
    xy += c * px * py
    yy += c * py * py
    xu += c * px * (u - mu)
    yu += c * py * (u - mu)
    xv += c * px * (v - mv)
    yv += c * py * (v - mv)
  })
  const det = xx * yy - xy * xy
  if (!(det > 1e-6 * (xx + yy) * (xx + yy))) return [1, 0, mu, 0, 1, mv]
  const a = (yy * xu - xy * yu) / det
  const b = (xx * yu - xy * xu) / det
  const c = (yy * xv - xy * yv) / det
  const d = (xx * yv - xy * xv) / det
  return [1 + a, b, mu - a * mx - b * my, c, 1 + d, mv - c * mx - d * my]
}
