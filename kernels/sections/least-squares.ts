// Sparse linear least squares for displacements: rows with weights, two right-hand sides (x and y), conjugate gradients.
import { longer } from '../arrays.ts'
import { tick } from '../tick.ts'

/** Rows of a sparse system, built once in a fixed order. */
export interface Rows {
  readonly unknowns: number
  count: number
  entries: number
  /** Entries of row r: from start[r] to start[r + 1]. */
  start: Int32Array
  index: Int32Array
  value: Float64Array
  rightX: Float64Array
  rightY: Float64Array
  weight: Float64Array
}

export const makeRows = (unknowns: number): Rows => ({
  unknowns,
  count: 0,
  entries: 0,
  start: new Int32Array(257),
  index: new Int32Array(1024),
  value: new Float64Array(1024),
  rightX: new Float64Array(256),
  rightY: new Float64Array(256),
  weight: new Float64Array(256),
})

/** Adds one entry to the row that is being built. */
export function addEntry(r: Rows, index: number, value: number): void {
  if (value === 0) return
  if (r.entries === r.index.length) {
    r.index = longer(r.index)
    r.value = longer(r.value)
  }
  r.index[r.entries] = index
  r.value[r.entries++] = value
}

/** Ends the row: the sum of its entries times the unknowns shall be (x, y); the squared error counts `weight` times. */
export function endRow(r: Rows, x: number, y: number, weight: number): void {
  if (r.count === r.weight.length) {
    r.start = longer(r.start, 2 * r.count + 1)
    r.rightX = longer(r.rightX)
    r.rightY = longer(r.rightY)
    r.weight = longer(r.weight)
  }
  r.rightX[r.count] = x
  r.rightY[r.count] = y
  r.weight[r.count++] = weight
  r.start[r.count] = r.entries
}

/** A whole row that asks for a sum of unknowns times values to vanish. */
export function addRow(r: Rows, indices: readonly number[], values: readonly number[], weight: number): void {
  for (const [k, index] of indices.entries()) addEntry(r, index, values[k]!)
  endRow(r, 0, 0, weight)
}

/** Row r times the unknowns. */
function rowTimes({ start, index, value }: Rows, row: number, u: Float64Array): number {
  let sum = 0
  for (let e = start[row]!; e < start[row + 1]!; e++) sum += value[e]! * u[index[e]!]!
  return sum
}

/**
 * Minimises sum weight (row u - right)^2 for one right-hand side, from the start value in `u`, by conjugate gradients on the
 * normal equations with the diagonal as preconditioner (CGLS; Hestenes and Stiefel 1952). Fixed order, hence the same bits.
 */
export function leastSquares(
  r: Rows,
  right: Float64Array,
  u: Float64Array,
  iterations: number,
  tolerance: number,
): void {
  const n = r.unknowns
  const { start, index, value, weight } = r
  const diagonal = new Float64Array(n)
  const gradient = new Float64Array(n)
  for (let k = 0; k < r.count; k++) {
    let sum = right[k]!
    for (let e = start[k]!; e < start[k + 1]!; e++) {
      diagonal[index[e]!]! += weight[k]! * value[e]! * value[e]!
      sum -= value[e]! * u[index[e]!]!
    }
    for (let e = start[k]!; e < start[k + 1]!; e++) gradient[index[e]!]! += weight[k]! * value[e]! * sum
  }
  for (let i = 0; i < n; i++) diagonal[i] = diagonal[i]! > 0 ? 1 / diagonal[i]! : 0
  const direction = diagonal.map((d, i) => d * gradient[i]!)
  const image = new Float64Array(n)
  let rho = 0
  for (let i = 0; i < n; i++) rho += direction[i]! * gradient[i]!
  const enough = rho * tolerance * tolerance
  for (let iteration = 0; iteration < iterations && rho > enough && rho > 1e-30; iteration++) {
    tick()
    let curvature = 0
    image.fill(0)
    for (let k = 0; k < r.count; k++) {
      const sum = rowTimes(r, k, direction)
      const weighted = weight[k]! * sum
      curvature += weighted * sum
      for (let e = start[k]!; e < start[k + 1]!; e++) image[index[e]!]! += value[e]! * weighted
    }
    const step = rho / curvature
    let next = 0
    for (let i = 0; i < n; i++) {
      u[i]! += step * direction[i]!
      const g = gradient[i]! - step * image[i]!
      gradient[i] = g
      next += g * g * diagonal[i]!
    }
    const keep = next / rho
    rho = next
    for (let i = 0; i < n; i++) direction[i] = diagonal[i]! * gradient[i]! + keep * direction[i]!
  }
}

/**
 * Solves for x and y `rounds` times, with less and less weight for matches that do not fit (Geman-McClure, on the scale that
 * `scaleOf` finds in the residuals). The first rows are the matches, weighted by their scores.
 */
export function solveRobustly(
  rows: Rows,
  matches: readonly { readonly score: number }[],
  rounds: number,
  iterations: number,
  tolerance: number,
  scaleOf: (residuals: readonly number[]) => number,
): { x: Float64Array; y: Float64Array; residuals: number[] } {
  const x = new Float64Array(rows.unknowns)
  const y = new Float64Array(rows.unknowns)
  let residuals: number[] = []
  for (let round = 0; round < rounds; round++) {
    leastSquares(rows, rows.rightX, x, iterations, tolerance)
    leastSquares(rows, rows.rightY, y, iterations, tolerance)
    residuals = matches.map((_, k) =>
      Math.hypot(rowTimes(rows, k, x) - rows.rightX[k]!, rowTimes(rows, k, y) - rows.rightY[k]!),
    )
    const scale = scaleOf(residuals)
    matches.forEach((m, k) => {
      const q = residuals[k]! / scale
      rows.weight[k] = m.score / ((1 + q * q) * (1 + q * q))
    })
  }
  return { x, y, residuals }
}

export const median = (values: readonly number[]): number => {
  if (values.length === 0) return 0
  const sorted = Float64Array.from(values).sort()
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

export const medianAndMax = (values: readonly number[]): { median: number; max: number } => ({
  median: median(values),
  max: values.reduce((a, b) => Math.max(a, b), 0),
})
