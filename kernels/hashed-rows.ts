// Rows about segments in the order of a hash of their ids: merged, and cut by it.
import { concat, type Column } from './arrays.ts'

/** Columns of rows: the segment that each is about, and its place in the order. A column of n values for each row is n times as long. */
export interface HashedRows {
  readonly [column: string]: Column
  readonly id: BigUint64Array
  readonly at: Uint32Array
}

/** The rows of some tables (at least one) in the order of their places; where these are equal, in the order of the tables. */
export function mergeRows<R extends HashedRows>(tables: readonly R[]): R {
  const at = concat(tables.map(t => t.at))
  // As 64-bit numbers they are sorted without a call for each two: the place in the upper half, the row in the lower.
  const order = new BigUint64Array(at.length)
  const halves = new Uint32Array(order.buffer)
  for (let i = 0; i < at.length; i++) {
    halves[2 * i] = i
    halves[2 * i + 1] = at[i]!
  }
  order.sort()
  const column = (name: string): Column => {
    const from = concat(tables.map(t => t[name]!))
    const to = from.slice()
    const width = from.length / at.length
    for (let i = 0, o = 0; i < at.length; i++)
      for (let k = halves[2 * i]! * width, end = k + width; k < end; k++) to[o++] = from[k]!
    return to
  }
  return Object.fromEntries(Object.keys(tables[0]!).map(name => [name, column(name)])) as unknown as R
}

/** Those of some sorted rows with `from <= at < to`. */
export function rowsBetween<R extends HashedRows>(rows: R, from: number, to: number): R {
  const count = rows.at.length
  const [first, end] = [from, to].map(place => {
    let [lo, hi] = [0, count]
    while (lo < hi) {
      const mid = (lo + hi) >> 1
      if (rows.at[mid]! < place) lo = mid + 1
      else hi = mid
    }
    return lo
  })
  return Object.fromEntries(
    Object.entries(rows).map(([name, column]) => {
      const width = count && column.length / count
      return [name, column.slice(first! * width, end! * width)]
    }),
  ) as unknown as R
}
