// Connected components of equal labels.
import type { Vec3 } from './types.ts'

/**
 * Numbers the 6-connected components of equal labels 1..count in raster order of their first voxels; label 0 stays 0.
 * Two passes with union-find, in which the smaller provisional number is always the root.
 */
export function components(
  labels: Uint32Array,
  [sx, sy, sz]: Vec3,
): { labels: Uint32Array; count: number; sizes: Uint32Array } {
  const plane = sx * sy
  const n = plane * sz
  const out = new Uint32Array(n)
  let parent = new Uint32Array(1024)
  let made = 0
  const find = (c: number): number => {
    while (parent[c]! !== c) {
      parent[c] = parent[parent[c]!]!
      c = parent[c]!
    }
    return c
  }
  const join = (c: number, d: number): number => {
    const [p, q] = [find(c), find(d)]
    if (p < q) return (parent[q] = p)
    return (parent[p] = q)
  }
  for (let z = 0, i = 0; z < sz; z++)
    for (let y = 0; y < sy; y++)
      for (let x = 0; x < sx; x++, i++) {
        const label = labels[i]!
        if (label === 0) continue
        let c = x > 0 && labels[i - 1] === label ? out[i - 1]! : 0
        if (y > 0 && labels[i - sx] === label) {
          const d = out[i - sx]!
          if (c === 0) c = d
          else if (c !== d) c = join(c, d)
        }
        if (z > 0 && labels[i - plane] === label) {
          const d = out[i - plane]!
          if (c === 0) c = d
          else if (c !== d) c = join(c, d)
        }
        if (c === 0) {
          c = ++made
          if (c === parent.length) {
            const more = new Uint32Array(2 * parent.length)
            more.set(parent)
            parent = more
          }
          parent[c] = c
        }
        out[i] = c
      }
  // Provisional numbers rise in raster order and roots are the smallest, so final numbers rise in raster order too.
  const final = new Uint32Array(made + 1)
  let count = 0
  for (let c = 1; c <= made; c++) {
    const root = find(c)
    final[c] = root === c ? ++count : final[root]!
  }
  const sizes = new Uint32Array(count + 1)
  for (let i = 0; i < n; i++) {
    const c = final[out[i]!]!
    out[i] = c
    sizes[c]!++
  }
  sizes[0] = 0
  return { labels: out, count, sizes }
}
