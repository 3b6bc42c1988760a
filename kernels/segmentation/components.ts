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

/**
 * Numbers the 6-connected components of equal labels; label 0 is none. Two passes with union-find, in which the smaller
 * provisional number is always the root.
 */
export function components(labels: Uint32Array, [sx, sy, sz]: Vec3): Components {
  const plane = sx * sy
  const n = plane * sz
  const out = new Uint32Array(n)
  let parent = new Uint32Array(1024)
  let made = 0
  /** What a voxel with the number `c` (0: none yet) gets from a neighbour of the same label with the number `d`. */
  const join = (c: number, d: number): number => {
    if (c === 0 || c === d) return d
    const [p, q] = [rootOf(parent, c), rootOf(parent, d)]
    return p < q ? (parent[q] = p) : (parent[p] = q)
  }
  for (let z = 0, i = 0; z < sz; z++)
    for (let y = 0; y < sy; y++)
      for (let x = 0; x < sx; x++, i++) {
        const label = labels[i]!
        if (label === 0) continue
        let c = x > 0 && labels[i - 1] === label ? out[i - 1]! : 0
        if (y > 0 && labels[i - sx] === label) c = join(c, out[i - sx]!)
        if (z > 0 && labels[i - plane] === label) c = join(c, out[i - plane]!)
        if (c === 0) {
          c = ++made
          if (c === parent.length) parent = longer(parent)
          parent[c] = c
        }
        out[i] = c
      }
  // Provisional numbers rise in raster order and roots are the smallest, so final numbers rise in raster order too.
  const final = new Uint32Array(made + 1)
  let count = 0
  for (let c = 1; c <= made; c++) {
    const root = rootOf(parent, c)
    final[c] = root === c ? ++count : final[root]!
  }
  const sizes = new Uint32Array(count + 1)
  for (let i = 0; i < n; i++) {
    const c = final[out[i]!]!
    out[i] = c
    if (c !== 0) sizes[c]!++
  }
  return { labels: out, count, sizes }
}
