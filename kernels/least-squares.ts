// Sparse linear least squares for displacements: rows with weights, two right-hand sides (x and y), conjugate gradients.

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

function longer<T extends Int32Array | Float64Array>(a: T, n: number): T {
  const out = new (a.constructor as new (n: number) => T)(n)
  out.set(a)
  return out
}

/** Adds one entry to the row that is being built. */
export function addEntry(r: Rows, index: number, value: number): void {
  if (value === 0) return
  if (r.entries === r.index.length) {
    r.index = longer(r.index, 2 * r.entries)
    r.value = longer(r.value, 2 * r.entries)
  }
  r.index[r.entries] = index
  r.value[r.entries++] = value
}

/** Ends the row: the sum of its entries times the unknowns shall be (x, y); the squared error counts `weight` times. */
export function endRow(r: Rows, x: number, y: number, weight: number): void {
  if (r.count === r.weight.length) {
    const n = 2 * r.count
    r.start = longer(r.start, n + 1)
    r.rightX = longer(r.rightX, n)
    r.rightY = longer(r.rightY, n)
    r.weight = longer(r.weight, n)
  }
  r.rightX[r.count] = x
  r.rightY[r.count] = y
  r.weight[r.count++] = weight
  r.start[r.count] = r.entries
}

/** Row r times the unknowns. */
export function rowTimes(r: Rows, row: number, u: Float64Array): number {
  let sum = 0
  for (let e = r.start[row]!; e < r.start[row + 1]!; e++) sum += r.value[e]! * u[r.index[e]!]!
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
  tolerance = 1e-7,
): void {
  const n = r.unknowns
  const { start, index, value, weight } = r
  const diagonal = new Float64Array(n)
  const residual = new Float64Array(r.count)
  const gradient = new Float64Array(n)
  for (let k = 0; k < r.count; k++) {
    let sum = right[k]!
    for (let e = start[k]!; e < start[k + 1]!; e++) {
      diagonal[index[e]!]! += weight[k]! * value[e]! * value[e]!
      sum -= value[e]! * u[index[e]!]!
    }
    residual[k] = sum
    for (let e = start[k]!; e < start[k + 1]!; e++) gradient[index[e]!]! += weight[k]! * value[e]! * sum
  }
  for (let i = 0; i < n; i++) diagonal[i] = diagonal[i]! > 0 ? 1 / diagonal[i]! : 0
  const direction = new Float64Array(n)
  const image = new Float64Array(n)
  let rho = 0
  for (let i = 0; i < n; i++) {
    direction[i] = diagonal[i]! * gradient[i]!
    rho += direction[i]! * gradient[i]!
  }
  const enough = rho * tolerance * tolerance
  for (let iteration = 0; iteration < iterations && rho > enough && rho > 1e-30; iteration++) {
    let curvature = 0
    image.fill(0)
    for (let k = 0; k < r.count; k++) {
      let sum = 0
      for (let e = start[k]!; e < start[k + 1]!; e++) sum += value[e]! * direction[index[e]!]!
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

export const median = (values: readonly number[]): number => {
  if (values.length === 0) return 0
  const sorted = Float64Array.from(values).sort()
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
