// Joining the fragments of a block that are too small to stand alone to their best neighbour in the block.
import { rootOf } from '../arrays.ts'
import { components } from './components.ts'
import type { Components } from './components.ts'
import { Contacts } from './edge-table.ts'
import { sizeOf } from '../types.ts'
import type { Box, Vec3 } from '../types.ts'

/**
 * Joins components of fewer than `minSize` voxels to the neighbour within the core of highest mean affinity (of equal
 * ones the smallest number), all of a round at once, until none is left that has a neighbour. Deciding from the block
 * alone keeps the exactness of what is agglomerated later. The labels change in place.
 */
export function joinFragments(
  found: Components,
  affinity: Uint8Array,
  shape: Vec3,
  core: Box,
  minSize: number,
): Components {
  const size = Float64Array.from(found.sizes)
  const root = Uint32Array.from(size, (_, i) => i)
  if (!size.some((s, i) => i > 0 && s < minSize)) return found
  const contacts = countContacts(found.labels, affinity, shape, core)
  for (let joined = true; joined;) {
    joined = false
    const best = bestPartners(root, contacts)
    for (let c = 1; c < size.length; c++) {
      if (root[c] !== c || size[c]! >= minSize || best[c] === 0) continue
      const target = rootOf(root, best[c]!)
      if (target === c) continue
      root[c] = target
      size[target]! += size[c]!
      joined = true
    }
  }
  for (let c = 1; c < root.length; c++) root[c] = rootOf(root, c)
  const { labels } = found
  for (let i = 0; i < labels.length; i++) labels[i] = root[labels[i]!]!
  return components(labels, sizeOf(core))
}

/** For every cluster its neighbour of highest mean affinity; 0 if it has none. */
function bestPartners(root: Uint32Array, { pairs, sum, count }: Contacts): Uint32Array {
  const now = new Contacts(pairs.size)
  for (let e = 0; e < pairs.size; e++) {
    const [p, q] = [rootOf(root, pairs.first[e]!), rootOf(root, pairs.second[e]!)]
    if (p !== q) now.add(p, q, sum[e]!, count[e]!)
  }
  const best = new Uint32Array(root.length)
  const mean = new Float64Array(root.length).fill(-1)
  const offer = (c: number, partner: number, m: number): void => {
    if (m < mean[c]! || (m === mean[c]! && partner > best[c]!)) return
    mean[c] = m
    best[c] = partner
  }
  for (let i = 0; i < now.pairs.size; i++) {
    const [u, v, m] = [now.pairs.first[i]!, now.pairs.second[i]!, now.sum[i]! / now.count[i]!]
    offer(u, v, m)
    offer(v, u, m)
  }
  return best
}

/** Contacts between the components of the core with the affinities of the block. */
function countContacts(labels: Uint32Array, affinity: Uint8Array, [sx, sy, sz]: Vec3, core: Box): Contacts {
  const n = sx * sy * sz
  const [cx, cy, cz] = sizeOf(core)
  const [x0, y0, z0] = core.min
  const contacts = new Contacts()
  /** What is empty is nobody's neighbour. */
  const touch = (u: number, v: number, a: number): void => {
    if (u !== v && u !== 0 && v !== 0) contacts.add(u, v, a, 1)
  }
  for (let z = 0, i = 0; z < cz; z++)
    for (let y = 0; y < cy; y++)
      for (let x = 0, at = x0 + sx * (y0 + y + sy * (z0 + z)); x < cx; x++, i++, at++) {
        const u = labels[i]!
        if (x > 0) touch(u, labels[i - 1]!, affinity[2 * n + at]!)
        if (y > 0) touch(u, labels[i - cx]!, affinity[n + at]!)
        if (z > 0) touch(u, labels[i - cx * cy]!, affinity[at]!)
      }
  return contacts
}
