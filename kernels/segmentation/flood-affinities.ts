// Seeded watershed on the affinities between voxels: each basin grows through the highest that leads out of any, so that none spills over a border of one voxel.
import { tick } from '../tick.ts'
import { components } from './components.ts'
import type { Vec3 } from '../types.ts'

/**
 * Labels every voxel with the seed that reaches it first; equal affinities come first come, first served. Seed voxels that touch (6
 * neighbours) are one seed. A volume without seeds is one basin.
 * @param affinity to the lower neighbour, channel slowest: z, y, x
 */
export function floodAffinities(affinity: Uint8Array, seeds: Uint8Array, shape: Vec3): Uint32Array {
  const { labels, count } = components(Uint32Array.from(seeds), shape)
  if (count === 0) return labels.fill(1)
  const [sx, sy, sz] = shape
  const n = labels.length
  const plane = sx * sy
  // Every pair of voxels is queued once at most, at its own level: the queues lie one after another in one array.
  const queue = new Int32Array(3 * n)
  const first = new Int32Array(257)
  for (let i = 0; i < 3 * n; i++) first[affinity[i]! + 1]!++
  for (let l = 0; l < 256; l++) first[l + 1]! += first[l]!
  const last = first.slice()
  let top = -1
  /** Queues the pair of a voxel that has a label and one that has none. */
  const put = (pair: number, other: number): void => {
    if (labels[other] !== 0) return
    const level = affinity[pair]!
    queue[last[level]!++] = pair
    if (level > top) top = level
  }
  const reached = (v: number): void => {
    const x = v % sx
    const y = ((v - x) / sx) % sy
    const z = (v - x - sx * y) / plane
    if (z > 0) put(v, v - plane)
    if (z < sz - 1) put(v + plane, v + plane)
    if (y > 0) put(n + v, v - sx)
    if (y < sy - 1) put(n + v + sx, v + sx)
    if (x > 0) put(2 * n + v, v - 1)
    if (x < sx - 1) put(2 * n + v + 1, v + 1)
  }
  for (let v = 0; v < n; v++) if (labels[v] !== 0) reached(v)
  while (top >= 0) {
    const head = first[top]!
    if (head === last[top]!) {
      top--
      continue
    }
    first[top] = head + 1
    if ((head & 0xffff) === 0) tick()
    const pair = queue[head]!
    const v = pair % n
    const w = v - (pair < n ? plane : pair < 2 * n ? sx : 1)
    if (labels[v] !== 0 && labels[w] !== 0) continue
    const fresh = labels[v] === 0 ? v : w
    labels[fresh] = labels[v]! | labels[w]!
    reached(fresh)
  }
  return labels
}
