// Small spheres (organelles) by cell: which of them touch the cube of 8 voxels that a point lies in?

export interface Buckets {
  readonly min: readonly number[]
  readonly n: readonly number[]
  /** Cell c holds rows[starts[c] .. starts[c + 1]). */
  readonly starts: Int32Array
  readonly rows: Int32Array
}

/**
 * Lists, for every cell of a grid of `size` voxels (cell coordinates from `min`, `n` of them), the spheres that reach into it.
 * `spheres` has x, y, z, radius, four numbers a row; `extra` widens each.
 */
export function makeBuckets(
  spheres: Float64Array,
  extra: number,
  size: number,
  min: readonly number[],
  n: readonly number[],
): Buckets {
  const cells = n[0]! * n[1]! * n[2]!
  const starts = new Int32Array(cells + 1)
  let rows = new Int32Array(0)
  // First pass counts, second pass fills.
  for (const fill of [false, true]) {
    const at = starts.slice()
    for (let row = 0; 4 * row < spheres.length; row++) {
      const reach = spheres[4 * row + 3]! + extra
      const from = [0, 1, 2].map(a => Math.max(0, Math.floor((spheres[4 * row + a]! - reach) / size) - min[a]!))
      const to = [0, 1, 2].map(a => Math.min(n[a]! - 1, Math.floor((spheres[4 * row + a]! + reach) / size) - min[a]!))
      for (let k = from[2]!; k <= to[2]!; k++)
        for (let j = from[1]!; j <= to[1]!; j++)
          for (let i = from[0]!; i <= to[0]!; i++) {
            const c = i + n[0]! * (j + n[1]! * k)
            if (fill) rows[at[c]!++] = row
            else starts[c + 1]!++
          }
    }
    if (fill) break
    for (let c = 0; c < cells; c++) starts[c + 1]! += starts[c]!
    rows = new Int32Array(starts[cells]!)
  }
  return { min, n, starts, rows }
}
