// Seeded watershed: floods a volume from marked voxels in descending order of a uint8 map.
import { tick } from '../tick.ts'
import { around, sizeOf } from '../types.ts'
import type { Box, Vec3 } from '../types.ts'

/** Keeps the flood inside the volume without asking for coordinates: a border of one voxel that is nobody's. */
const WALL = 0xffffffff

/**
 * Labels every voxel with the seed that floods it first (Meyer's flooding with a queue per level). Touching seed voxels
 * (26 neighbours) are one seed; seeds are numbered from 1 in raster order; equal levels flood first come, first served.
 * A volume without seeds is one basin.
 * @returns labels of the core, x fastest
 */
export function flood(map: Uint8Array, seeds: Uint8Array, [sx, sy, sz]: Vec3, core: Box): Uint32Array {
  const [px, py] = [sx + 2, sy + 2]
  const n = px * py * (sz + 2)
  const labels = new Uint32Array(n).fill(WALL)
  const level = new Uint8Array(n)
  const seed = new Uint8Array(n)
  for (let z = 0, from = 0; z < sz; z++)
    for (let y = 0; y < sy; y++, from += sx) {
      const to = 1 + px * (y + 1 + py * (z + 1))
      labels.fill(0, to, to + sx)
      level.set(map.subarray(from, from + sx), to)
      seed.set(seeds.subarray(from, from + sx), to)
    }
  // Every voxel is queued once, at its own level: the queues lie one after another in one array.
  const queue = new Int32Array(n)
  const first = new Int32Array(257)
  for (let i = 0; i < map.length; i++) first[map[i]! + 1]!++
  for (let l = 0; l < 256; l++) first[l + 1]! += first[l]!
  const last = first.slice()
  const count = numberSeeds(
    seed,
    labels,
    around.map(([x, y, z]) => x + px * (y + py * z)),
    queue,
  )
  if (count === 0) labels.fill(1)
  let top = -1
  for (let v = 0; v < n; v++)
    if (seed[v] !== 0) {
      queue[last[level[v]!]!++] = v
      if (level[v]! > top) top = level[v]!
    }
  const offsets = Int32Array.of(-1, 1, -px, px, -px * py, px * py)
  while (top >= 0) {
    const head = first[top]!
    if (head === last[top]!) {
      top--
      continue
    }
    first[top] = head + 1
    if ((head & 0xffff) === 0) tick()
    const v = queue[head]!
    const label = labels[v]!
    for (let k = 0; k < 6; k++) {
      const w = v + offsets[k]!
      if (labels[w] !== 0) continue
      labels[w] = label
      const at = level[w]!
      queue[last[at]!++] = w
      if (at > top) top = at
    }
  }
  const [cx, cy, cz] = sizeOf(core)
  const out = new Uint32Array(cx * cy * cz)
  for (let z = 0, to = 0; z < cz; z++)
    for (let y = 0; y < cy; y++, to += cx) {
      const from = core.min[0] + 1 + px * (core.min[1] + y + 1 + py * (core.min[2] + z + 1))
      out.set(labels.subarray(from, from + cx), to)
    }
  return out
}

/** Numbers the connected components of the seed voxels; `stack` is scratch as long as the volume. */
function numberSeeds(seed: Uint8Array, labels: Uint32Array, offsets: readonly number[], stack: Int32Array): number {
  let count = 0
  for (let first = 0; first < seed.length; first++) {
    if (seed[first] === 0 || labels[first] !== 0) continue
    labels[first] = ++count
    let depth = 0
    stack[depth++] = first
    while (depth > 0) {
      const v = stack[--depth]!
      for (let k = 0; k < 26; k++) {
        const w = v + offsets[k]!
        if (seed[w] === 0 || labels[w] !== 0) continue
        labels[w] = count
        stack[depth++] = w
      }
    }
  }
  return count
}
