// Connected components of equal labels.
import { longer, rootOf } from '../arrays.ts'
import type { Vec3 } from '../types.ts'

export interface Components {
  /** 1..count in raster order of their first voxels; 0 stays 0. */
  readonly labels: Uint32Array
  readonly count: number
  /** Voxels per label; sizes[0] = 0. */
  readonly sizes: Uint32Array
}

/** Runs of one label along x, in raster order; those of a row end where the next row's begin. */
interface Runs {
  readonly start: Int32Array
  readonly end: Int32Array
  readonly label: Int32Array
  readonly count: number
  /** First run of each row, and the end of the last. */
  readonly rows: Int32Array
}

/** The runs of labels other than 0. */
function runsOf(labels: Uint32Array, sx: number, rowCount: number): Runs {
  // More than most volumes have; what is not written takes no memory.
  const room = (labels.length >> 3) + sx
  let [start, end, label] = [new Int32Array(room), new Int32Array(room), new Int32Array(room)]
  let count = 0
  const rows = new Int32Array(rowCount + 1)
  for (let row = 0, i = 0; row < rowCount; row++) {
    while (count + sx > start.length) [start, end, label] = [longer(start), longer(end), longer(label)]
    for (const stop = i + sx; i < stop;) {
      const value = labels[i]!
      const first = i++
      while (i < stop && labels[i] === value) i++
      if (value === 0) continue
      label[count] = value
      start[count] = first
      end[count++] = i
    }
    rows[row + 1] = count
  }
  return { start, end, label, count, rows }
}

/**
 * Numbers the 6-connected components of equal labels, in place; label 0 is none. Union-find over runs, in which the first
 * run of a component is its root.
 */
export function components(labels: Uint32Array, [sx, sy, sz]: Vec3): Components {
  const { start, end, label, count: runCount, rows } = runsOf(labels, sx, sy * sz)
  const parent = new Uint32Array(runCount)
  for (let r = 0; r < runCount; r++) parent[r] = r
  /** Joins the runs of a row to those of equal label that they touch in an earlier row, `step` voxels before. */
  const joinRows = (row: number, earlier: number, step: number): void => {
    const [stop, last] = [rows[row + 1]!, rows[earlier + 1]!]
    for (let r = rows[row]!, e = rows[earlier]!; r < stop && e < last;) {
      const [to, earlierTo] = [end[r]! - step, end[e]!]
      if (label[e] === label[r] && start[e]! < to && start[r]! - step < earlierTo && parent[e] !== parent[r]) {
        const [p, q] = [rootOf(parent, r), rootOf(parent, e)]
        if (p < q) parent[q] = p
        else parent[p] = q
      }
      if (earlierTo <= to) e++
      else r++
    }
  }
  for (let z = 0, row = 0; z < sz; z++)
    for (let y = 0; y < sy; y++, row++) {
      if (y > 0) joinRows(row, row - 1, sx)
      if (z > 0) joinRows(row, row - sy, sx * sy)
    }
  const sizes = new Uint32Array(runCount + 1)
  // A root comes before its other runs: its number is known by then, and takes the place of its label.
  let count = 0
  for (let r = 0; r < runCount; r++) {
    const root = rootOf(parent, r)
    const c = (label[r] = root === r ? ++count : label[root]!)
    const [from, to] = [start[r]!, end[r]!]
    sizes[c]! += to - from
    for (let i = from; i < to; i++) labels[i] = c
  }
  return { labels, count, sizes: sizes.slice(0, count + 1) }
}
