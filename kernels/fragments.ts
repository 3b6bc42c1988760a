// Joining the fragments of a block that are too small to stand alone to their best neighbour in the block.
import { components } from './components.ts'
import { PairIndex } from './pair-index.ts'
import type { Box, Vec3 } from './types.ts'

type Labelled = ReturnType<typeof components>

/**
 * Joins components of fewer than `minSize` voxels to the neighbour within the core of highest mean affinity (of equal
 * ones the smallest number), all of a round at once, until none is left that has a neighbour. Deciding from the block
 * alone keeps the exactness of what is agglomerated later.
 */
export function joinFragments(
  found: Labelled,
  affinity: Uint8Array,
  shape: Vec3,
  core: Box,
  minSize: number,
): Labelled {
  const size = Float64Array.from(found.sizes)
  const root = Uint32Array.from(size, (_, i) => i)
  const find = (c: number): number => {
    while (root[c]! !== c) {
      root[c] = root[root[c]!]!
      c = root[c]!
    }
    return c
  }
  if (!size.some((s, i) => i > 0 && s < minSize)) return found
  const { first, second, sum, count } = contacts(found.labels, affinity, shape, core)
  for (let joined = true; joined;) {
    joined = false
    const best = bestPartners(find, { first, second, sum, count }, size.length)
    for (let c = 1; c < size.length; c++) {
      if (root[c] !== c || size[c]! >= minSize || best[c] === 0) continue
      const target = find(best[c]!)
      if (target === c) continue
      root[c] = target
      size[target]! += size[c]!
      joined = true
    }
  }
  const labels = found.labels
  for (let i = 0; i < labels.length; i++) labels[i] = find(labels[i]!)
  return components(labels, [core.max[0] - core.min[0], core.max[1] - core.min[1], core.max[2] - core.min[2]])
}

interface Contacts {
  readonly first: Uint32Array
  readonly second: Uint32Array
  readonly sum: Float64Array
  readonly count: Float64Array
}

/** For every cluster its neighbour of highest mean affinity; 0 if it has none. */
function bestPartners(find: (c: number) => number, edges: Contacts, n: number): Uint32Array {
  const pairs = new PairIndex(edges.first.length)
  const sum = new Float64Array(edges.first.length)
  const count = new Float64Array(edges.first.length)
  for (let e = 0; e < edges.first.length; e++) {
    const [p, q] = [find(edges.first[e]!), find(edges.second[e]!)]
    if (p === q) continue
    const at = p < q ? pairs.add(p, q) : pairs.add(q, p)
    sum[at]! += edges.sum[e]!
    count[at]! += edges.count[e]!
  }
  const best = new Uint32Array(n)
  const mean = new Float64Array(n).fill(-1)
  const offer = (c: number, partner: number, m: number): void => {
    if (m < mean[c]! || (m === mean[c]! && partner > best[c]!)) return
    mean[c] = m
    best[c] = partner
  }
  for (let i = 0; i < pairs.size; i++) {
    offer(pairs.first[i]!, pairs.second[i]!, sum[i]! / count[i]!)
    offer(pairs.second[i]!, pairs.first[i]!, sum[i]! / count[i]!)
  }
  return best
}

/** Contacts between the components of the core with the affinities of the block. */
function contacts(labels: Uint32Array, affinity: Uint8Array, [sx, sy, sz]: Vec3, { min, max }: Box): Contacts {
  const n = sx * sy * sz
  const [cx, cy, cz] = [max[0] - min[0], max[1] - min[1], max[2] - min[2]]
  const pairs = new PairIndex(4096)
  let sum: number[] = []
  let count: number[] = []
  const add = (u: number, v: number, value: number): void => {
    const at = u < v ? pairs.add(u, v) : pairs.add(v, u)
    sum[at] = (sum[at] ?? 0) + value
    count[at] = (count[at] ?? 0) + 1
  }
  for (let z = 0, i = 0; z < cz; z++)
    for (let y = 0; y < cy; y++) {
      let at = min[0] + sx * (min[1] + y + sy * (min[2] + z))
      for (let x = 0; x < cx; x++, i++, at++) {
        const u = labels[i]!
        if (x > 0 && labels[i - 1]! !== u) add(u, labels[i - 1]!, affinity[2 * n + at]!)
        if (y > 0 && labels[i - cx]! !== u) add(u, labels[i - cx]!, affinity[n + at]!)
        if (z > 0 && labels[i - cx * cy]! !== u) add(u, labels[i - cx * cy]!, affinity[at]!)
      }
    }
  return {
    first: pairs.first.slice(0, pairs.size),
    second: pairs.second.slice(0, pairs.size),
    sum: Float64Array.from(sum),
    count: Float64Array.from(count),
  }
}
